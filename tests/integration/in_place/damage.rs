//! What is destroyed comes back: the volume's beginning, its end but for the container, and the disk's table.
