//! Batches: what takes effect, and what can be said if not all of it does.

use super::error::{ObjectStoreError, is_refusal};
use super::{Shared, add};
use crate::sink::{Applied, ApplyError};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};

/// What is to become of an object.
pub(super) struct Change {
    pub(super) path: Path,
    /// None deletes it.
    pub(super) value: Option<Bytes>,
}

/// Whether the key existed before.
type Outcome = Result<bool, ApplyError<ObjectStoreError>>;

/// The output of a task, whose panic goes on here.
pub(super) fn joined<T>(result: Result<T, JoinError>) -> T {
    match result {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(payload) => resume_unwind(payload),
            Err(error) => unreachable!("nobody cancels it: {error}"),
        },
    }
}

/// Makes all changes, those of different objects side by side; ends when none is under way any more.
pub(super) async fn apply(
    shared: Arc<Shared>,
    changes: Vec<Change>,
) -> Result<Applied, ApplyError<ObjectStoreError>> {
    let len = changes.len();
    let mut objects: BTreeMap<Path, Vec<(usize, Option<Bytes>)>> = BTreeMap::new();
    for (index, change) in changes.into_iter().enumerate() {
        let of_object = objects.entry(change.path).or_default();
        of_object.push((index, change.value));
    }
    let mut objects = objects.into_iter();
    let mut tasks = JoinSet::new();
    let mut existed = vec![None; len];
    let mut failure = None;
    loop {
        // After a failure nothing more is begun.
        while failure.is_none()
            && tasks.len() < shared.requests
            && let Some((path, changes)) = objects.next()
        {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move { shared.change(&path, changes).await });
        }
        let Some(outcomes) = tasks.join_next().await else {
            break;
        };
        for (index, outcome) in joined(outcomes) {
            match outcome {
                Ok(before) => existed[index] = Some(before),
                Err(error) => note(&mut failure, error),
            }
        }
    }
    let Some(failure) = failure else {
        return Ok(existed.into_iter().flatten().collect());
    };
    add(&shared.counts.failures);
    let applied = existed.iter().flatten().count();
    Err(match failure {
        failure if len == 1 => failure,
        ApplyError::Refused(error) if applied == 0 => ApplyError::Refused(error),
        failure => ApplyError::Unknown(ObjectStoreError::Partly {
            applied,
            len,
            source: Arc::new(failure.into_inner()),
        }),
    })
}

/// Keeps the worst that is known.
fn note(worst: &mut Option<ApplyError<ObjectStoreError>>, error: ApplyError<ObjectStoreError>) {
    let worse = matches!(
        (&worst, &error),
        (None, _) | (Some(ApplyError::Refused(_)), ApplyError::Unknown(_))
    );
    if worse {
        *worst = Some(error);
    }
}

impl Shared {
    /// Makes the changes of one object in their order, up to the first that fails.
    async fn change(
        &self,
        path: &Path,
        changes: Vec<(usize, Option<Bytes>)>,
    ) -> Vec<(usize, Outcome)> {
        let _turn = self.writes.acquire().await;
        let mut outcomes = Vec::with_capacity(changes.len());
        for (index, value) in changes {
            let outcome = match value {
                Some(value) => self.put(path, value).await,
                None => self.delete(path).await,
            };
            let failed = outcome.is_err();
            outcomes.push((index, outcome));
            if failed {
                break;
            }
        }
        outcomes
    }

    async fn put(&self, path: &Path, value: Bytes) -> Outcome {
        // A question that fails has changed nothing.
        let existed = self.exists(path).await.map_err(ApplyError::Refused)?;
        match self.client.put(path, value.clone().into()).await {
            Ok(_) => {
                add(&self.counts.puts);
                Ok(existed)
            }
            Err(error) => Err(self.failed(path, Some(&value), error).await),
        }
    }

    async fn delete(&self, path: &Path) -> Outcome {
        if !self.exists(path).await.map_err(ApplyError::Refused)? {
            return Ok(false);
        }
        let existed = match self.client.delete(path).await {
            Ok(()) => true,
            // Somebody else was faster.
            Err(object_store::Error::NotFound { .. }) => false,
            Err(error) => return Err(self.failed(path, None, error).await),
        };
        if let Some(folder) = self.folder.as_ref().filter(|folder| folder.durable) {
            let synced = folder.sync_deletion(path).await;
            synced.map_err(ApplyError::Unknown)?;
        }
        add(&self.counts.deletes);
        Ok(existed)
    }

    /// What a failure says of a write.
    async fn failed(
        &self,
        path: &Path,
        value: Option<&Bytes>,
        error: object_store::Error,
    ) -> ApplyError<ObjectStoreError> {
        let refused = is_refusal(&error);
        let error = error.into();
        // A folder has nobody who would write later: what is there now stays.
        let in_folder = self.folder.is_some();
        if refused || (in_folder && self.is_other(path, value).await) {
            ApplyError::Refused(error)
        } else {
            ApplyError::Unknown(error)
        }
    }

    /// True if the object is there, or not, with another value than this.
    async fn is_other(&self, path: &Path, value: Option<&Bytes>) -> bool {
        let request = async { self.client.get(path).await?.bytes().await };
        match self.read(request).await {
            Ok(found) => found.as_ref() != value,
            Err(_) => false,
        }
    }
}
