//! Has the sources of buffer-pool compiled without the counts of its hot path.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(buffer_pool_sanitize_memory)");
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"mmap\"))");
    println!("cargo::rustc-cfg=buffer_pool_uncounted");
}
