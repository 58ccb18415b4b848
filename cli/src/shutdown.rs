//! The wish to end: Ctrl-C or SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when somebody wants the process to end.
///
/// # Errors
/// When the signals cannot be listened for.
pub(crate) async fn requested() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
