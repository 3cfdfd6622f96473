//! Tells the crate whether the memory sanitizer watches it, which a stable compiler's `cfg` does not.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(buffer_pool_sanitize_memory)");
    // Set by compilers that have sanitizers at all: nightly ones, and those that are told to act as such.
    let sanitizers = std::env::var("CARGO_CFG_SANITIZE").unwrap_or_default();
    if sanitizers.split(',').any(|name| name == "memory") {
        println!("cargo::rustc-cfg=buffer_pool_sanitize_memory");
    }
}
