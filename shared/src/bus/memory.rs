//! The twin of Redis inside the process.
use super::{BusError, Decision, Delivery, Quota, StreamEntry, StreamId, Topic};
use crate::ids::Partition;
use bytes::Bytes;
use std::time::Duration;
fn no<T>() -> Result<T, BusError> {
    Err(BusError::Refused("not built yet".to_owned()))
}
#[derive(Clone, Default)]
pub(super) struct Memory;
impl Memory {
    pub(super) fn subscriber(&self) -> Subscriber {
        Subscriber
    }
    pub(super) async fn append(&self, _: Partition, _: Bytes) -> Result<StreamId, BusError> {
        no()
    }
    pub(super) async fn mark(&self, _: Partition, _: StreamId) -> Result<bool, BusError> {
        no()
    }
    pub(super) async fn trim(&self, _: Partition, _: StreamId) -> Result<(), BusError> {
        no()
    }
    pub(super) async fn backlog(&self, _: Partition) -> Result<u64, BusError> {
        no()
    }
    pub(super) async fn publish(&self, _: Vec<(Topic, Bytes)>) -> Result<(), BusError> {
        no()
    }
    pub(super) async fn ask(&self, _: Bytes) -> Result<u64, BusError> {
        no()
    }
    pub(super) async fn now_ms(&self) -> Result<u64, BusError> {
        no()
    }
    pub(super) async fn lease(
        &self,
        _: &str,
        _: &str,
        _: Duration,
    ) -> Result<Vec<String>, BusError> {
        no()
    }
    pub(super) async fn release(&self, _: &str, _: &str) -> Result<(), BusError> {
        no()
    }
    pub(super) async fn draw(&self, _: &[(String, Quota)]) -> Result<Vec<Decision>, BusError> {
        no()
    }

    pub(super) async fn read(
        &mut self,
        _: &[(Partition, StreamId)],
        _: u64,
        _: Duration,
    ) -> Result<Vec<StreamEntry>, BusError> {
        no()
    }
    pub(super) async fn take(&mut self, _: Duration) -> Result<Option<Bytes>, BusError> {
        no()
    }
}

pub(super) struct Subscriber;
impl Subscriber {
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        None
    }
    pub(super) fn control(&self) -> Control {
        Control
    }
}
#[derive(Clone)]
pub(super) struct Control;
impl Control {
    pub(super) async fn subscribe(&self, _: Vec<Topic>) -> Result<(), BusError> {
        no()
    }
    pub(super) async fn unsubscribe(&self, _: Vec<Topic>) -> Result<(), BusError> {
        no()
    }
    pub(super) async fn reset(&self) {}
}
