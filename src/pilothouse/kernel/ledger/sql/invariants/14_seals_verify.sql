-- Seal blocks are contiguous and their rows are what was sealed
SELECT p.tenant, p.stream, p.n AS block, p.problem FROM seal_problems(NULL) p
