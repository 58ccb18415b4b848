//! The proxy's own listener, for the bots' networks: nothing but the proxy answers there.

use crate::{Proxy, listen};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

impl Proxy {
    /// Serves connections of `listener` until `shutdown`, then lets requests in flight end, bounded by the
    /// configuration's `drain`.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        let config = self.config();
        let limits = listen::Limits {
            connections: config.max_connections,
            write: config.timeouts.stall,
            drain: config.drain,
            ..listen::Limits::default()
        };
        let proxy = self.clone();
        let handle = move |_, request| {
            let proxy = proxy.clone();
            async move { proxy.handle(request).await }
        };
        listen::serve(listener, limits, shutdown, handle).await;
    }
}
