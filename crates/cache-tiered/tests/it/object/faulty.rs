//! A client in memory whose requests fail, take effect all the same, or wait until they may go on.

use async_trait::async_trait;
use cache_tiered::object_store::memory::InMemory;
use cache_tiered::object_store::path::Path;
use cache_tiered::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures_core::stream::BoxStream;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use tokio::sync::{Barrier, Semaphore};

/// What becomes of requests for an object.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is not carried out, and nobody says why.
    Lost,
    /// It is carried out, but the answer is lost.
    Unanswered,
    /// The service does not allow it.
    Denied,
    /// It waits for a permit.
    Waits(Arc<Semaphore>),
    /// It waits for as many others as the barrier says.
    Meets(Arc<Barrier>),
}

/// Fates of writes and of reads by name.
#[derive(Debug, Default)]
pub(crate) struct Faulty {
    inner: InMemory,
    writes: Mutex<BTreeMap<String, Fate>>,
    reads: Mutex<BTreeMap<String, Fate>>,
}

impl Faulty {
    pub(crate) fn write(&self, name: &str, fate: impl Into<Option<Fate>>) {
        set(&self.writes, name, fate.into());
    }

    pub(crate) fn read(&self, name: &str, fate: impl Into<Option<Fate>>) {
        set(&self.reads, name, fate.into());
    }
}

fn set(fates: &Mutex<BTreeMap<String, Fate>>, name: &str, fate: Option<Fate>) {
    let mut fates = fates.lock().unwrap();
    match fate {
        Some(fate) => fates.insert(name.to_owned(), fate),
        None => fates.remove(name),
    };
}

fn generic() -> Error {
    Error::Generic {
        store: "faulty",
        source: "the connection was lost".into(),
    }
}

/// Lets a request meet its fate; false if the answer is to be lost.
async fn meet(fates: &Mutex<BTreeMap<String, Fate>>, path: &Path) -> Result<bool> {
    let fate = fates.lock().unwrap().get(path.as_ref()).cloned();
    match fate {
        None => Ok(true),
        Some(Fate::Lost) => Err(generic()),
        Some(Fate::Unanswered) => Ok(false),
        Some(Fate::Denied) => Err(Error::PermissionDenied {
            path: path.to_string(),
            source: "by the test".into(),
        }),
        Some(Fate::Waits(permits)) => {
            permits.acquire().await.unwrap().forget();
            Ok(true)
        }
        Some(Fate::Meets(all)) => {
            all.wait().await;
            Ok(true)
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        path: &Path,
        bytes: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let answers = meet(&self.writes, path).await?;
        let put = self.inner.put_opts(path, bytes, options).await;
        if answers { put } else { Err(generic()) }
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        unreachable!("a value is put as one")
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if !meet(&self.reads, path).await? {
            return Err(generic());
        }
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        unreachable!("nothing is listed")
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        unreachable!("nothing is listed")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unreachable!("nothing is copied")
    }
}
