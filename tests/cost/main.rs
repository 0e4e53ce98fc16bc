//! What a request costs, in numbers that a busy machine does not change: blocks of memory, and system calls.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod allocations;
mod client;
mod endpoint;
mod scene;
mod syscalls;

/// Counts every block that this process allocates, on whichever thread.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;
