//! A store with its own type and that of its errors erased.

use crate::error::StoreError;
use crate::sink::{Applied, ApplyError, Mutation, Sink};
use crate::source::{Loaded, Source};
use std::any::Any;
use std::future::{Future, ready};
use std::pin::Pin;

/// A future of a store, which borrows it.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a `Tiered` needs of its store.
pub(crate) trait ErasedStore<K, V>: Send + Sync + 'static {
    fn load<'a>(&'a self, key: &'a K) -> Answer<'a, Result<Loaded<V>, StoreError>>;
    fn load_many<'a>(&'a self, keys: &'a [K]) -> Answer<'a, Result<Vec<Loaded<V>>, StoreError>>;
    /// It takes no mutation after a later one of its key.
    fn is_stamp_conditional(&self) -> bool {
        false
    }
    /// It takes no writes: nobody is to bring it any.
    fn is_read_only(&self) -> bool {
        false
    }
    fn apply<'a>(
        &'a self,
        batch: &'a [Mutation<K, V>],
    ) -> Answer<'a, Result<Applied, ApplyError<StoreError>>>;
    fn flush(&self) -> Answer<'_, Result<(), StoreError>>;
    fn as_any(&self) -> &dyn Any;
}

/// A source and a sink over the same data.
pub(crate) struct ReadWrite<S>(pub(crate) S);

impl<K, V, S> ErasedStore<K, V> for ReadWrite<S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: Source<K, V> + Sink<K, V>,
{
    fn load<'a>(&'a self, key: &'a K) -> Answer<'a, Result<Loaded<V>, StoreError>> {
        Box::pin(async move { Source::load(&self.0, key).await.map_err(StoreError::new) })
    }

    fn load_many<'a>(&'a self, keys: &'a [K]) -> Answer<'a, Result<Vec<Loaded<V>>, StoreError>> {
        Box::pin(async move {
            Source::load_many(&self.0, keys)
                .await
                .map_err(StoreError::new)
        })
    }

    fn apply<'a>(
        &'a self,
        batch: &'a [Mutation<K, V>],
    ) -> Answer<'a, Result<Applied, ApplyError<StoreError>>> {
        Box::pin(async move {
            Sink::apply(&self.0, batch)
                .await
                .map_err(|error| error.map(StoreError::new))
        })
    }

    fn is_stamp_conditional(&self) -> bool {
        Sink::<K, V>::is_stamp_conditional(&self.0)
    }

    fn flush(&self) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move { Sink::<K, V>::flush(&self.0).await.map_err(StoreError::new) })
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }
}

/// A source that is all there is of a store.
pub(crate) struct ReadOnly<S>(pub(crate) S);

/// In answer to a write that should not have come.
#[derive(Debug, thiserror::Error)]
#[error("the cache has a source and no store: give it a store to write to")]
struct NoSink;

impl<K, V, S> ErasedStore<K, V> for ReadOnly<S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: Source<K, V>,
{
    fn load<'a>(&'a self, key: &'a K) -> Answer<'a, Result<Loaded<V>, StoreError>> {
        Box::pin(async move { self.0.load(key).await.map_err(StoreError::new) })
    }

    fn load_many<'a>(&'a self, keys: &'a [K]) -> Answer<'a, Result<Vec<Loaded<V>>, StoreError>> {
        Box::pin(async move { self.0.load_many(keys).await.map_err(StoreError::new) })
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn apply<'a>(
        &'a self,
        _batch: &'a [Mutation<K, V>],
    ) -> Answer<'a, Result<Applied, ApplyError<StoreError>>> {
        Box::pin(ready(Err(ApplyError::Refused(StoreError::new(NoSink)))))
    }

    fn flush(&self) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(ready(Ok(())))
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }
}
