//! Memory over a store of objects: a folder here, S3 by another client.
//!
//! `cargo run -p cache-tiered --features object-store,serde --example tiered_object_store [FOLDER]`
//!
//! For S3 turn on the feature `aws` of the crate object_store in your manifest, and open the store by
//!
//! ```text
//! let client = AmazonS3Builder::from_env().with_bucket_name("bucket").build()?;
//! let store = ObjectStore::options().prefix("pages").codec(Postcard::new()).over(Arc::new(client))?;
//! ```
//!
//! A server of your own to try that with: `minio server DIRECTORY`, or any other that speaks S3, with
//! AWS_ENDPOINT=http://127.0.0.1:9000, AWS_ALLOW_HTTP=true and its credentials.

use cache_tiered::{MemoryTier, ObjectStore, Postcard, Tiered, Writes};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Page {
    title: String,
    links: Vec<u64>,
}

type Cache = Tiered<String, Page>;

fn open(folder: &Path, journal: &Path) -> Result<Cache, Box<dyn Error>> {
    let store = ObjectStore::options()
        .prefix("pages")
        .codec(Postcard::new())
        .folder(folder)?;
    Ok(Tiered::builder()
        .memory(MemoryTier::entries(1_000))
        .store(store)
        // A service far away is written to behind: several objects at a time.
        .writes(Writes::behind(journal).codec(Postcard::new()))
        .build()?)
}

fn page(number: u64) -> (String, Page) {
    let page = Page {
        title: format!("Page {number}"),
        links: (0..number % 5).collect(),
    };
    (format!("/pages/{number}.html"), page)
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| directory.path().join("objects"), PathBuf::from);
    let journal = directory.path().join("journal");

    let cache = open(&folder, &journal)?;
    for (name, page) in (0..100).map(page) {
        cache.put(name, page).wait()?;
    }
    let report = cache.close().wait()?;
    assert_eq!((report.left, report.dead), (0, 0));
    drop(cache);

    let cache = open(&folder, &journal)?;
    for (name, page) in (0..100).map(page) {
        let hit = cache.get(&name).wait()?.ok_or("it was put")?;
        assert_eq!(hit.value, page);
    }
    println!("100 pages came back from {}", folder.display());
    cache.close().wait()?;
    Ok(())
}
