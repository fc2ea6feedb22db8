#include "textflag.h"

TEXT ·allgs(SB), NOSPLIT, $0-8
	MOVD $runtime·allgs(SB), R0
	MOVD R0, ret+0(FP)
	RET

TEXT ·allp(SB), NOSPLIT, $0-8
	MOVD $runtime·allp(SB), R0
	MOVD R0, ret+0(FP)
	RET

TEXT ·allm(SB), NOSPLIT, $0-8
	MOVD $runtime·allm(SB), R0
	MOVD R0, ret+0(FP)
	RET

TEXT ·sched(SB), NOSPLIT, $0-8
	MOVD $runtime·sched(SB), R0
	MOVD R0, ret+0(FP)
	RET

TEXT ·waitReasonStrings(SB), NOSPLIT, $0-8
	MOVD $runtime·waitReasonStrings(SB), R0
	MOVD R0, ret+0(FP)
	RET
