"""Planning: ground into cells, cells into balanced contiguous grids, grids into coded polygons."""
