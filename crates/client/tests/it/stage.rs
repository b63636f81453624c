//! A device in a temporary directory, and ways to wait for states.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use baton_client::{Clock, Device, DeviceConfig, LinkedHub, Now, TokenInMemory};
use baton_protocol::{HubAddress, TimestampMs};

use crate::fake_hub::FakeHub;

/// A clock that runs faster than the real one, so that timeouts of seconds cost a test no time.
pub struct FastClock {
    start: Instant,
    speed: u32,
}

impl FastClock {
    #[expect(clippy::disallowed_methods, reason = "a clock is made of a clock")]
    pub fn new(speed: u32) -> Self {
        let start = Instant::now();
        Self { start, speed }
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Now {
        let passed = self.start.elapsed() * self.speed;
        let mono_ms = u64::try_from(passed.as_millis()).unwrap();
        Now {
            mono_ms,
            wall: TimestampMs(1_000_000 + i64::try_from(mono_ms).unwrap()),
        }
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait / self.speed).await;
    }
}

pub fn linked(hub: &FakeHub, address: HubAddress) -> LinkedHub {
    let (account, principal) = {
        let world = hub.world();
        (world.account, world.principal())
    };
    LinkedHub {
        hub: address,
        account,
        principal,
        hub_name: "fake".into(),
    }
}

pub async fn device(hub: &FakeHub, dir: &Path) -> Device {
    device_at(hub, dir, hub.address.clone()).await
}

pub async fn device_at(hub: &FakeHub, dir: &Path, address: HubAddress) -> Device {
    open(hub, dir, address, 1).await
}

/// A device with a fast clock, for tests that wait for timeouts.
pub async fn hasty_device(hub: &FakeHub, dir: &Path) -> Device {
    open(hub, dir, hub.address.clone(), 20).await
}

async fn open(hub: &FakeHub, dir: &Path, address: HubAddress, speed: u32) -> Device {
    let config = DeviceConfig {
        data_dir: dir.to_owned(),
        hub: linked(hub, address),
        tokens: Arc::new(TokenInMemory("baton_test".into())),
    };
    let clock = Arc::new(FastClock::new(speed));
    Device::open_with(config, clock, 7).await.unwrap()
}

/// Waits until the device satisfies a condition.
pub async fn until<T>(device: &Device, what: &str, pick: impl Fn(&Device) -> Option<T>) -> T {
    let mut changes = device.changes();
    let wait = async {
        loop {
            changes.mark_unchanged();
            if let Some(picked) = pick(device) {
                return picked;
            }
            changes.changed().await.unwrap();
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    waited.unwrap_or_else(|_| panic!("never: {what}; {:?}", device.connection()))
}
