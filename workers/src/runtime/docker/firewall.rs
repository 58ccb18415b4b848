//! The host's side of a bot's network: of all the host's services, a bot reaches the forwarder to the proxy, and its way to the web.
//!
//! An internal network has no way out, but the host itself is on it, with every service that listens on all addresses
//! (a database, an SSH server, another bot's forwarder). Docker filters what is forwarded and not what comes in, so a
//! chain of our own does. It matches all bots' bridges by their name, and is made once for all of them.

use std::{process::Stdio, time::Duration};
use tokio::{process::Command, sync::Mutex, time::Instant};

/// What the bridges' names begin with.
pub(super) const BRIDGE: &str = "cp-";
const CHAIN: &str = "CLAWPLANE";
const V4: &str = "iptables";
const V6: &str = "ip6tables";
const EVERY_BRIDGE: &str = "cp-+";
/// After this the rules are looked at again: other firewalls may have thrown them away.
const RECHECK: Duration = Duration::from_mins(1);
/// Longest wait for one call.
const LONGEST: Duration = Duration::from_secs(10);

/// Whether the rules are there.
#[derive(Debug, Default)]
pub(super) struct Firewall {
    checked: Mutex<Option<Checked>>,
}

#[derive(Clone, Copy, Debug)]
struct Checked {
    at: Instant,
    port: u16,
    stands: bool,
}

impl Firewall {
    /// Sees to it that bots reach nothing of the host's but `port`. Where that cannot be done (it takes root and
    /// iptables) it is said once, since a bot without it still has no way to the internet or to a key.
    pub(super) async fn ensure(&self, port: u16) {
        let mut checked = self.checked.lock().await;
        let fresh = |seen: &Checked| seen.port == port && seen.at.elapsed() < RECHECK;
        if checked.as_ref().is_some_and(fresh) {
            return;
        }
        let result = make(port).await;
        let stood = checked.map(|seen| seen.stands);
        match &result {
            Ok(()) if stood != Some(true) => {
                tracing::info!(port, "bots reach no service of this host but the proxy");
            }
            Err(reason) if stood != Some(false) => tracing::warn!(
                %reason,
                "bots can reach services of this host that listen on all addresses; run Clawplane as root to close that"
            ),
            _ => {}
        }
        *checked = Some(Checked { at: Instant::now(), port, stands: result.is_ok() });
    }
}

async fn make(port: u16) -> Result<(), String> {
    // The one after it is the way to the web of bots that have one; for the others nothing listens there.
    let port = format!("{port}:{}", port.saturating_add(1));
    // Its name is taken when it is there already: what is in it is looked at in any case.
    let _ = iptables(V4, &["-N", CHAIN]).await;
    // The rule that closes first, at the end; then what is let through, before it; then the way into the chain.
    rule(V4, "-A", &[CHAIN, "-j", "DROP"]).await?;
    rule(V4, "-I", &[CHAIN, "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"]).await?;
    rule(V4, "-I", &[CHAIN, "-p", "tcp", "--dport", &port, "-j", "ACCEPT"]).await?;
    rule(V4, "-I", &["INPUT", "-i", EVERY_BRIDGE, "-j", CHAIN]).await?;
    // Bots have no IPv6; should an engine give them link-local addresses all the same, they reach nothing with them.
    let _ = iptables(V6, &["-N", CHAIN]).await;
    let closed = match rule(V6, "-A", &[CHAIN, "-j", "DROP"]).await {
        Ok(()) => rule(V6, "-I", &["INPUT", "-i", EVERY_BRIDGE, "-j", CHAIN]).await,
        Err(reason) => Err(reason),
    };
    if let Err(reason) = closed {
        tracing::debug!(%reason, "there are no rules for IPv6");
    }
    Ok(())
}

/// Adds a rule (`-A` at the end, `-I` at the beginning) unless it is there.
async fn rule(program: &str, add: &str, rule: &[&str]) -> Result<(), String> {
    if iptables(program, &[&["-C"], rule].concat()).await.is_ok() {
        return Ok(());
    }
    iptables(program, &[&[add], rule].concat()).await
}

async fn iptables(program: &str, arguments: &[&str]) -> Result<(), String> {
    // Waits for whoever else changes the rules at this moment, as Docker does.
    let mut command = Command::new(program);
    command.args(["-w", "5"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(LONGEST, command.output()).await;
    let output = output.map_err(|_| "iptables does not end".to_owned())?;
    let output = output.map_err(|error| format!("iptables: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
