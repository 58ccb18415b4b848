//! Commands of the work on backups: to the backups, their rules and the bots.

use super::BackupWorker;
use crate::backup::BackupError;
use clawplane_domain::{
    Actor, Aggregate, BotId, Metadata, TenantId,
    backup::{Backup, BackupCommand, BackupProfile},
    bot::{Bot, BotCommand, BotProfile, BotRefusal},
    claim::Claims,
};
use clawplane_eventstore::{Context, ExecuteError, Idempotency};

impl BackupWorker {
    pub(super) fn context(&self, tenant_id: TenantId, idempotency: Option<Idempotency>) -> Context {
        let (actor, at) = (Actor::system("backup-worker"), self.parts.clock.now());
        Context {
            metadata: Metadata { tenant_id, actor, at, request_id: None, causation: None },
            idempotency,
        }
    }

    pub(super) async fn execute<A>(
        &self,
        id: impl ToString,
        command: A::Command,
        context: Context,
    ) -> Result<(), BackupError>
    where
        A: Aggregate<Services = ()> + 'static,
        A::Command: Clone + Send + Sync + 'static,
        A::Event: Claims,
        A::Error: Send + Sync + 'static,
    {
        match self.parts.executor.execute::<A>(id, command, context).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Store(error)) => Err(error.into()),
            Err(error) => Err(BackupError::Refused(error.to_string())),
        }
    }

    /// A command to a backup.
    pub(super) async fn say(
        &self,
        backup: &BackupProfile,
        command: BackupCommand,
    ) -> Result<(), BackupError> {
        let context = self.context(backup.request.tenant_id, None);
        self.execute::<Backup>(backup.request.id, command, context).await
    }

    /// A bot as its events have it; `None` when it was deleted.
    pub(super) async fn bot(&self, id: BotId) -> Result<Option<BotProfile>, BackupError> {
        let bot = self.parts.executor.load::<Bot>(&id.to_string()).await?.profile;
        Ok(bot.filter(|bot| bot.desired != clawplane_domain::bot::Desired::Deleted))
    }

    /// Wants a bot to start or to stop. One that was deleted is left alone.
    pub(super) async fn want(
        &self,
        tenant: TenantId,
        bot: BotId,
        command: BotCommand,
    ) -> Result<(), BackupError> {
        match self.parts.executor.execute::<Bot>(bot, command, self.context(tenant, None)).await {
            Ok(_) | Err(ExecuteError::Refused(BotRefusal::Unknown)) => Ok(()),
            Err(ExecuteError::Store(error)) => Err(error.into()),
            Err(error) => Err(BackupError::Refused(error.to_string())),
        }
    }
}
