//! *Use from other devices*: how the hub inside the application can be reached from a network, and what the screen is told about it.

mod addresses;
mod qr;
mod view;

pub use addresses::{NetworkAddress, addresses, preferred};
pub use qr::QrPath;
pub use view::{
    DeviceSeen, NetworkDevice, NetworkLink, NetworkLinkResult, NetworkState, NetworkView,
};
