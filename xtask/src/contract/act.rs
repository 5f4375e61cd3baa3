//! Generated workflows, executed by nektos act without containers, for every event that they answer.

use anyhow::Result;

use super::{check::Check, command::Stage};

pub(super) const NAME: &str = "act";

const PACKAGE: &str = "runbook-cli";

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Check>> {
    let act = stage.parts.python_programs().join("act");
    let tests = [
        (
            "the layout single, executed for every event, leaves jobs, run, artifact and issue behind",
            "acted::in_one_job_every_event_does_what_it_should",
        ),
        (
            "the layout jobs, executed for every event, leaves jobs, run, artifact and issue behind",
            "acted::in_a_job_for_each_stage_every_event_does_what_it_should",
        ),
        (
            "a matrix of jobs measures many services for one watch",
            "acted::many_services_are_measured_by_a_matrix_of_jobs",
        ),
    ];
    let check = |(name, test): (&str, &str)| {
        let arguments = [test, "--exact", "--ignored"].map(str::to_owned);
        let failed = stage.programs.run(PACKAGE, &arguments, &[("RUNBOOK_ACT", act.as_os_str())])?;
        Ok(Check::of(NAME, name, failed.is_none(), &failed.unwrap_or_default()))
    };
    tests.into_iter().map(check).collect()
}
