//! A store with its own type and that of its errors erased.

use crate::error::StoreError;
use crate::sink::{Applied, ApplyError, Mutation, Sink};
use crate::source::{Loaded, Source};
use std::any::Any;
use std::future::Future;
use std::pin::Pin;

/// A future of a store, which borrows it.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a `Tiered` needs of its store.
pub(crate) trait ErasedStore<K, V>: Send + Sync + 'static {
    fn load<'a>(&'a self, key: &'a K) -> Answer<'a, Result<Loaded<V>, StoreError>>;
    fn apply<'a>(
        &'a self,
        batch: &'a [Mutation<K, V>],
    ) -> Answer<'a, Result<Applied, ApplyError<StoreError>>>;
    fn flush(&self) -> Answer<'_, Result<(), StoreError>>;
    fn as_any(&self) -> &dyn Any;
}

impl<K, V, S> ErasedStore<K, V> for S
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: Source<K, V> + Sink<K, V>,
{
    fn load<'a>(&'a self, key: &'a K) -> Answer<'a, Result<Loaded<V>, StoreError>> {
        Box::pin(async move { Source::load(self, key).await.map_err(StoreError::new) })
    }

    fn apply<'a>(
        &'a self,
        batch: &'a [Mutation<K, V>],
    ) -> Answer<'a, Result<Applied, ApplyError<StoreError>>> {
        Box::pin(async move {
            Sink::apply(self, batch)
                .await
                .map_err(|error| error.map(StoreError::new))
        })
    }

    fn flush(&self) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(async move { Sink::<K, V>::flush(self).await.map_err(StoreError::new) })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
