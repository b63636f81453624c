//! *Use from other devices*: what the hub inside the application shows to a network, and what the screen is told of it.

mod addresses;
mod qr;
mod view;

pub use addresses::{NetworkAddress, addresses, preferred};
pub use qr::QrPath;
pub use view::{
    DeviceSeen, NetworkDevice, NetworkLink, NetworkLinkResult, NetworkState, NetworkView,
};
