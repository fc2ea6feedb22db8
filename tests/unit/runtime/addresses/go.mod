module addresses

go 1.12
