//! Link arguments of a program that has no std: from here, so that they hold wherever cargo is run.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The C library's start files call `main`; it also has `exit` and the memory functions that the
    // compiler calls. std would have asked for it.
    println!("cargo::rustc-link-arg-bins=-lc");
}
