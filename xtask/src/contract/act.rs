//! Generated workflows, executed by nektos act without containers, for every event that they answer.

use anyhow::Result;

use super::{check::Check, command::Stage};

pub(super) const NAME: &str = "act";

const PACKAGE: &str = "runbook-cli";

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Check>> {
    let act = stage.parts.python_programs().join("act");
    let layouts = [
        ("single", "acted::in_one_job_every_event_does_what_it_should"),
        ("jobs", "acted::in_a_job_for_each_stage_every_event_does_what_it_should"),
    ];
    let check = |(layout, test): (&str, &str)| {
        let arguments = [test, "--exact", "--ignored"].map(str::to_owned);
        let failed = stage.programs.run(PACKAGE, &arguments, &[("RUNBOOK_ACT", act.as_os_str())])?;
        let name =
            format!("the layout {layout}, executed for every event, leaves jobs, run, artifact and issue behind");
        Ok(Check::of(NAME, name, failed.is_none(), &failed.unwrap_or_default()))
    };
    layouts.into_iter().map(check).collect()
}
