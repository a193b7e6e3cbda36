//! Changing ext volumes, judged by `e2fsck`, `debugfs` and the kernel.

mod each_shape;
mod everything;
mod hostile;
mod random;
mod sizes;
mod stage;
