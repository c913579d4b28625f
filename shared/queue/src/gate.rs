//! An apalis backend that gives out a delivery only when a handler can start with it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, BackendConfig, WireFormatBackend},
    worker::context::WorkerContext,
};
use tokio::sync::Semaphore;

/// Fetches only while a place is free: a delivery fetched earlier would wait here while another process idles.
///
/// It registers no waker; the supervisor polls the worker when a place becomes free or something is pushed.
pub(crate) struct Gate<B> {
    backend: B,
    places: Arc<Semaphore>,
}

impl<B> Gate<B> {
    pub(crate) fn new(backend: B, places: Arc<Semaphore>) -> Self {
        Self { backend, places }
    }
}

impl<B: Backend> Backend for Gate<B> {
    type Task = B::Task;
    type Error = B::Error;

    fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        self.backend.poll_ready(cx, worker)
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        // Only this worker takes places, so a place seen free here is still free when the fetch has ended.
        if self.places.available_permits() == 0 {
            return Poll::Pending;
        }
        match self.backend.poll_next(cx, worker) {
            // The in-process backend says so when another worker took the last delivery between its two looks. apalis
            // would take it for the end and panic, because nobody has asked for an end.
            Poll::Ready(None) => Poll::Pending,
            other => other,
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Self::Error>> {
        self.backend.poll_close(cx, worker)
    }
}

impl<B: BackendConfig> BackendConfig for Gate<B> {
    type Args = B::Args;
    type Id = B::Id;
    type Kind = B::Kind;
    type Config = B::Config;
    type Layer = B::Layer;

    fn config(&self) -> &Self::Config {
        self.backend.config()
    }

    fn middleware(&mut self, worker: &mut WorkerContext) -> Self::Layer {
        self.backend.middleware(worker)
    }
}

impl<B: WireFormatBackend> WireFormatBackend for Gate<B> {
    type Compact = B::Compact;
    type Codec = B::Codec;

    fn codec(&self) -> &Self::Codec {
        self.backend.codec()
    }
}
