#include "textflag.h"

TEXT ·allgs(SB), NOSPLIT, $0-8
	LEAQ runtime·allgs(SB), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT ·allp(SB), NOSPLIT, $0-8
	LEAQ runtime·allp(SB), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT ·allm(SB), NOSPLIT, $0-8
	LEAQ runtime·allm(SB), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT ·sched(SB), NOSPLIT, $0-8
	LEAQ runtime·sched(SB), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT ·waitReasonStrings(SB), NOSPLIT, $0-8
	LEAQ runtime·waitReasonStrings(SB), AX
	MOVQ AX, ret+0(FP)
	RET
