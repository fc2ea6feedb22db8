module allocations

go 1.12
