//! From the command that was typed to the function that does it.

use runbook_core::{ExitCode, registry::Registry};

use super::{act, doctor, event, history, init, lock, look, monitoring, recover, schema, stage, workflow};
use crate::{
    args::{Args, Command},
    fault::Fault,
    output::Output,
};

/// Runs the command that was typed.
pub(crate) async fn run(args: &Args, registry: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    match &args.command {
        Command::Init(init) => init::init(&args.global, init, registry, output),
        Command::Check(check) => look::check(&args.global, check, registry, output).await,
        Command::Status => look::status(&args.global, registry, output).await,
        Command::History(of) => history::history(&args.global, of, registry, output).await,
        Command::Report(report) => monitoring::report(&args.global, report, registry, output).await,
        Command::Show(show) => history::show(&args.global, show, registry, output).await,
        Command::Event(of) => event::event(&args.global, of, registry, output).await,
        Command::Stage(of) => stage::stage(&args.global, of, registry, output).await,
        Command::Recover(of) => recover::recover(&args.global, of, registry, output).await,
        Command::Lock(why) => lock::change(&args.global, why, lock::Change::Take, registry, output).await,
        Command::Unlock(why) => lock::change(&args.global, why, lock::Change::TakeAway, registry, output).await,
        Command::Workflow(of) => workflow::workflow(&args.global, of, output),
        Command::Doctor => doctor::doctor(&args.global, registry, output).await,
        Command::Schema(of) => schema::schema(of.of, registry, output),
        Command::Completions { shell } => schema::completions(*shell),
        Command::UpdateStatus(_)
        | Command::Deploy(_)
        | Command::Rollback(_)
        | Command::UpdateComponent(_)
        | Command::EmergencyStop(_)
        | Command::Resume(_) => act::act(args, registry, output).await,
    }
}
