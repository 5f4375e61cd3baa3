//! The generated workflow: what it says for which facts, and what must hold of each whatever the facts are.

use std::collections::BTreeSet;

use runbook_render::{
    RenderError, WORKFLOW_MARK, WorkflowFacts, WorkflowInstall, WorkflowLayout, WorkflowMinutes, WorkflowUses, workflow,
};

/// One service, observed, with a journal in a file.
fn minimal() -> WorkflowFacts {
    WorkflowFacts {
        layout: WorkflowLayout::Single,
        file: "ai-agent-handoff-runbook.yml".to_owned(),
        config: None,
        project: "Demo".to_owned(),
        repository: None,
        branch: "main".to_owned(),
        environments: vec!["production".parse().unwrap()],
        default_environment: Some("production".parse().unwrap()),
        services: vec!["app".parse().unwrap()],
        stages: Vec::new(),
        after: Vec::new(),
        runs_on: vec!["ubuntu-latest".to_owned()],
        install: WorkflowInstall::Release("0.1.0".to_owned()),
        variables: names(&["APP_URL", "HEALTH_CHECK_TIMEOUT"]),
        secrets: names(&["GITHUB_TOKEN"]),
        uses: WorkflowUses {
            status_issue: true,
            remote_journal: false,
            checks: false,
            deployments: false,
            pushes_branch: false,
            pull_request: false,
        },
        shards: 0,
        probes_on: Vec::new(),
        minutes: WorkflowMinutes {
            gate: 40,
            ci: 65,
            deploy: 70,
            probes: 36,
            monitor: 40,
            rollback: 70,
            report: 40,
            stop: 60,
            single: 180,
        },
        queue: false,
    }
}

/// Three services in two environments, with everything that there is.
fn forge() -> WorkflowFacts {
    let stage = |id: &str, after: &str| (id.parse().unwrap(), after.parse().unwrap());
    WorkflowFacts {
        layout: WorkflowLayout::Jobs,
        project: "Quantum Pi Forge".to_owned(),
        repository: Some("octo/forge".to_owned()),
        environments: ["staging", "production"].map(|name| name.parse().unwrap()).to_vec(),
        default_environment: None,
        services: ["fastapi", "flask", "gradio"].map(|name| name.parse().unwrap()).to_vec(),
        stages: vec![stage("smoke", "deploy"), stage("soak", "smoke"), stage("ask", "safety-gate")],
        after: vec!["Build \"all\"".to_owned(), "CI".to_owned()],
        variables: names(&["FASTAPI_URL", "FLASK_URL", "GRADIO_URL", "HEALTH_CHECK_TIMEOUT"]),
        secrets: names(&["DISCORD_WEBHOOK_URL", "GITHUB_TOKEN", "SLACK_WEBHOOK_URL"]),
        uses: WorkflowUses {
            status_issue: true,
            remote_journal: true,
            checks: true,
            deployments: true,
            pushes_branch: true,
            pull_request: true,
        },
        ..minimal()
    }
}

/// 120 services in three parts, and some more that two runners alone reach.
fn many() -> WorkflowFacts {
    let labels = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect::<Vec<_>>();
    WorkflowFacts {
        services: (0..120).map(|number| format!("service-{number}").parse().unwrap()).collect(),
        shards: 3,
        probes_on: vec![labels(&["self-hosted", "lab"]), labels(&["edge"])],
        ..forge()
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn all() -> Vec<WorkflowFacts> {
    let rust =
        WorkflowFacts { install: WorkflowInstall::Checkout, config: Some("ops/runbook.toml".to_owned()), ..forge() };
    let own = WorkflowFacts {
        install: WorkflowInstall::Preinstalled,
        runs_on: vec!["self-hosted".to_owned(), "forge".to_owned()],
        ..minimal()
    };
    let queue = WorkflowFacts { queue: true, ..forge() };
    let each = [minimal(), forge(), rust, own, queue, many()];
    let layouts = [WorkflowLayout::Single, WorkflowLayout::Jobs];
    each.iter().flat_map(|facts| layouts.map(|layout| WorkflowFacts { layout, ..facts.clone() })).collect()
}

/// The lines of one job, without those of the next.
fn job<'a>(text: &'a str, id: &str) -> Vec<&'a str> {
    let begin = format!("  {id}:");
    let of_job = |line: &&str| line.starts_with("   ");
    let mut lines = text.split("\njobs:\n").nth(1).unwrap().lines().skip_while(|line| **line != *begin);
    assert!(lines.next().is_some(), "there is no job {id}: {text}");
    lines.take_while(of_job).collect()
}

fn jobs(text: &str) -> Vec<&str> {
    let lines = text.split("\njobs:\n").nth(1).unwrap().lines();
    lines.filter(|line| !line.starts_with("   ")).map(|line| line.trim().trim_end_matches(':')).collect()
}

#[test]
fn each_layout_reads_like_this() {
    insta::assert_snapshot!("workflow-minimal-single", workflow(&minimal()).unwrap());
    insta::assert_snapshot!("workflow-forge-jobs", workflow(&forge()).unwrap());
    let rust = WorkflowFacts {
        layout: WorkflowLayout::Single,
        install: WorkflowInstall::Checkout,
        file: "forge.yaml".to_owned(),
        default_environment: Some("production".parse().unwrap()),
        ..forge()
    };
    insta::assert_snapshot!("workflow-rust-single", workflow(&rust).unwrap());
}

#[test]
fn the_jobs_are_the_stages_and_their_order_is_that_of_the_runbook() {
    let stages = ["safety-gate", "ci", "deploy", "monitor", "rollback", "report", "emergency-stop", "keep-schedule"];
    assert_eq!(jobs(&workflow(&forge()).unwrap()), stages);
    assert_eq!(jobs(&workflow(&minimal()).unwrap()), ["runbook", "emergency-stop", "keep-schedule"]);
}

#[test]
fn no_text_of_an_event_reaches_a_shell_and_every_action_is_pinned() {
    for facts in all() {
        let text = workflow(&facts).unwrap();
        assert!(text.starts_with(WORKFLOW_MARK), "{text}");
        let mut in_script = false;
        for line in text.lines() {
            let step = line.trim_start();
            in_script = step == "run: |" || in_script && line.starts_with("          ");
            // Deeper than an output of that name.
            if in_script || line.starts_with("        run:") {
                assert!(!line.contains("${{"), "an expression in a line of a shell: {line}");
            }
            if let Some(action) = step.strip_prefix("uses: ") {
                let (name, version) = action.split_once(" # v").unwrap();
                let commit = name.split_once('@').unwrap().1;
                assert!(commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
                assert!(version.split('.').count() == 3, "{line}");
            }
            assert!(!line.ends_with(' ') && !line.contains('\t'), "{line:?}");
        }
    }
}

#[test]
fn every_job_has_a_limit_and_names_its_permissions() {
    for facts in all() {
        let text = workflow(&facts).unwrap();
        assert!(text.contains("\npermissions: {}\n"), "{text}");
        for id in jobs(&text) {
            let lines = job(&text, id);
            assert!(lines.iter().any(|line| line.starts_with("    timeout-minutes: ")), "{id}: {text}");
            assert!(lines.contains(&"    permissions:"), "{id}: {text}");
            assert!(lines.contains(&"    if: >-"), "{id} would run anywhere, for anything: {text}");
            let may_keep_schedule = lines.contains(&"      actions: write");
            assert_eq!(may_keep_schedule, id == "keep-schedule", "{id}: {text}");
        }
    }
    let observes = workflow(&minimal()).unwrap();
    assert!(!observes.contains("contents: write") && !observes.contains("deployments: "), "{observes}");
    let deploys = workflow(&forge()).unwrap();
    assert!(job(&deploys, "safety-gate").contains(&"      checks: read"));
    assert!(job(&deploys, "rollback").contains(&"      pull-requests: write"));
    assert!(!job(&deploys, "ci").contains(&"      issues: write"));
}

#[test]
fn an_emergency_stop_waits_for_nothing_and_only_the_deployment_for_reviewers() {
    for facts in all() {
        let text = workflow(&facts).unwrap();
        let stop = job(&text, "emergency-stop");
        assert!(
            !stop.iter().any(|line| line.starts_with("    needs:") || line.starts_with("    environment:")),
            "{text}"
        );
        let group = "      group: ${{ format('runbook-emergency-stop-{0}', github.run_id) }}";
        assert!(stop.contains(&group), "{text}");
        for id in jobs(&text) {
            let waits = job(&text, id).contains(&"    environment:");
            assert_eq!(waits, id == "deploy", "{id}: {text}");
        }
    }
}

#[test]
fn a_job_runs_at_home_only_and_never_for_a_comment_that_asks_for_nothing() {
    for facts in all() {
        let text = workflow(&facts).unwrap();
        let home = match &facts.repository {
            Some(name) => format!("      github.repository == '{name}'"),
            None => "      github.event.repository.fork != true".to_owned(),
        };
        for id in ["safety-gate", "runbook", "emergency-stop", "keep-schedule"] {
            if jobs(&text).contains(&id) {
                assert!(job(&text, id).contains(&home.as_str()), "{id}: {text}");
            }
        }
        let first = job(&text, jobs(&text)[0]).join("\n");
        assert!(first.contains("startsWith(github.event.comment.body, '/runbook')"), "{text}");
        assert!(first.contains("github.event.deployment.creator.login != 'github-actions[bot]'"), "{text}");
        assert_eq!(text.contains("workflow_run:"), !facts.after.is_empty());
        if !facts.after.is_empty() {
            assert!(first.contains("head_repository.full_name == github.repository"), "{text}");
        }
    }
    let mut quiet = minimal();
    quiet.uses.status_issue = false;
    assert!(!workflow(&quiet).unwrap().contains("issue_comment"), "without an issue nobody can comment on it");
}

#[test]
fn the_checkout_is_the_default_branch_and_every_job_of_a_run_has_the_same_commit() {
    for facts in all() {
        let text = workflow(&facts).unwrap();
        for id in jobs(&text) {
            let lines = job(&text, id);
            let refs: Vec<&&str> = lines.iter().filter(|line| line.trim_start().starts_with("ref: ")).collect();
            let expected = match id {
                "keep-schedule" => {
                    assert!(refs.is_empty(), "{text}");
                    continue;
                }
                "safety-gate" | "runbook" | "emergency-stop" => {
                    "${{ github.event_name == 'push' && github.sha || 'main' }}"
                }
                _ => "${{ needs.safety-gate.outputs.commit || 'main' }}",
            };
            assert_eq!(refs, [&format!("          ref: {expected}").as_str()], "{id}: {text}");
            assert!(lines.contains(&"          fetch-depth: 0"), "{id}: {text}");
        }
        let keeps = text.matches("persist-credentials: true").count();
        assert_eq!(
            keeps,
            usize::from(facts.uses.pushes_branch),
            "only what pushes a branch has git's credentials: {text}"
        );
    }
}

#[test]
fn all_steps_of_a_run_have_the_same_variables() {
    let text = workflow(&forge()).unwrap();
    let steps: Vec<&str> = text.split("        run: runbook ").skip(1).collect();
    assert!(steps.len() > 10, "{text}");
    for step in steps {
        for line in [
            "          FASTAPI_URL: ${{ vars.FASTAPI_URL }}\n",
            "          SLACK_WEBHOOK_URL: ${{ secrets.SLACK_WEBHOOK_URL }}\n",
            "          GITHUB_TOKEN: ${{ github.token }}\n",
        ] {
            let of_step = step.split("      - name:").next().unwrap();
            assert!(of_step.contains(line), "{line} is missing: {step}");
        }
    }
}

#[test]
fn custom_stages_have_a_step_in_the_job_of_what_they_follow() {
    let text = workflow(&forge()).unwrap();
    let stages = |id: &str| {
        let run = job(&text, id).into_iter().filter_map(|line| line.strip_prefix("        run: runbook stage "));
        run.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(stages("safety-gate"), ["ask"]);
    assert_eq!(stages("deploy"), ["deploy", "smoke", "soak"]);
    assert_eq!(stages("rollback"), ["rollback", "verify"]);
    let next = "      next: ${{ steps.step-soak.outputs.next || steps.step-smoke.outputs.next || steps.step-deploy.outputs.next }}";
    assert!(job(&text, "deploy").contains(&next), "{text}");
}

#[test]
fn the_schedule_keeps_its_minute_and_none_is_a_quarter() {
    let minute = |project: &str| WorkflowFacts { project: project.to_owned(), ..minimal() }.minute();
    let minutes: BTreeSet<u64> = (0..2_000).map(|n| minute(&format!("project {n}"))).collect();
    assert_eq!(minutes.len(), 56, "every minute but the quarters is somebody's");
    assert!(minutes.iter().all(|minute| *minute < 60 && minute % 15 != 0), "{minutes:?}");
    assert_eq!(
        (minute("Demo"), forge().minute()),
        (MINUTE_OF_DEMO, MINUTE_OF_FORGE),
        "a changed minute looks like drift"
    );
}

const MINUTE_OF_DEMO: u64 = 7;
const MINUTE_OF_FORGE: u64 = 24;

#[test]
fn what_cannot_stand_in_a_workflow_is_refused_with_its_key() {
    let refused = |change: &dyn Fn(&mut WorkflowFacts)| {
        let mut facts = forge();
        change(&mut facts);
        match workflow(&facts) {
            Err(RenderError::Workflow(error)) => error.key,
            other => panic!("{other:?}"),
        }
    };
    let text = |text: &str| text.to_owned();
    assert_eq!(refused(&|facts| facts.repository = Some(text("a/b' || true || '"))), "project.repository");
    assert_eq!(refused(&|facts| facts.repository = Some(text("forge"))), "project.repository");
    assert_eq!(refused(&|facts| facts.branch = text("main', 'x")), "workflow.branch");
    assert_eq!(refused(&|facts| facts.file = text("../ci.yml")), "status_issue.workflow");
    assert_eq!(refused(&|facts| facts.file = text("runbook")), "status_issue.workflow");
    assert_eq!(refused(&|facts| facts.runs_on = vec![text("${{ github.actor }}")]), "workflow.runs_on");
    assert_eq!(refused(&|facts| facts.runs_on.clear()), "workflow.runs_on");
    assert_eq!(refused(&|facts| facts.probes_on = vec![vec![text("a,b")]]), "service.runs_on");
    assert_eq!(refused(&|facts| facts.shards = 257), "workflow.shard_size");
    assert_eq!(refused(&|facts| facts.after = vec![text("AI Agent Handoff & Autonomous Runbook")]), "workflow.after");
    assert_eq!(refused(&|facts| facts.secrets = names(&["A B"])), "_env, pass_env");
    assert_eq!(refused(&|facts| facts.config = Some(text("a b; c"))), "--config");
}

#[test]
fn probes_of_many_services_are_spread_over_a_matrix_before_the_watch() {
    let text = workflow(&many()).unwrap();
    let order =
        ["safety-gate", "ci", "deploy", "probes", "probes-on-1", "probes-on-2", "monitor", "rollback", "report"];
    assert_eq!(jobs(&text)[..9], order);
    let probes = job(&text, "probes");
    for line in [
        "    needs: [safety-gate]",
        "      needs.safety-gate.outputs.next == 'monitor' && needs.safety-gate.outputs.action == 'update-status'",
        "      fail-fast: false",
        "      max-parallel: 3",
        "        shard: [1, 2, 3]",
        "    timeout-minutes: 36",
        "      contents: write",
        "        run: runbook check --publish --shard \"$RUNBOOK_SHARD/3\" --fail-on never --environment \"$RUNBOOK_ENVIRONMENT\"",
        "          RUNBOOK_SHARD: ${{ matrix.shard }}",
        "          RUNBOOK_ENVIRONMENT: ${{ needs.safety-gate.outputs.environment }}",
    ] {
        assert!(probes.contains(&line), "{line:?}: {probes:#?}");
    }
    assert!(!probes.iter().any(|line| line.contains("monitoring-report") || line.starts_with("    outputs:")));
    let lab = job(&text, "probes-on-1");
    assert!(lab.contains(&"    runs-on: [self-hosted, lab]"), "{lab:#?}");
    let there = "        run: runbook check --publish --runs-on self-hosted,lab --fail-on never --environment \"$RUNBOOK_ENVIRONMENT\"";
    assert!(lab.contains(&there), "{lab:#?}");
    assert!(!lab.iter().any(|line| line.contains("strategy:")), "{lab:#?}");
    assert!(job(&text, "probes-on-2").contains(&"    runs-on: edge"));
    // The watch waits for them, however they ended, and asks them nothing: they may have been skipped.
    let monitor = job(&text, "monitor");
    assert!(monitor.contains(&"    needs: [safety-gate, deploy, probes, probes-on-1, probes-on-2]"), "{monitor:#?}");
    assert!(monitor.iter().any(|line| line.trim_start().starts_with("!cancelled() && ")), "{monitor:#?}");
    assert!(!text.contains("needs.probes"), "{text}");
    assert_eq!(text.matches("name: monitoring-report").count(), 2, "the report's and the stop's: nothing is merged");
    let few = workflow(&WorkflowFacts { shards: 1, probes_on: Vec::new(), ..many() }).unwrap();
    assert!(!jobs(&few).contains(&"probes") && !few.contains("strategy:"), "{few}");
    let single = workflow(&WorkflowFacts { layout: WorkflowLayout::Single, ..many() }).unwrap();
    assert_eq!(jobs(&single), ["runbook", "emergency-stop", "keep-schedule"]);
    let wide = workflow(&WorkflowFacts { shards: 100, ..many() }).unwrap();
    assert!(job(&wide, "probes").contains(&"      max-parallel: 20"), "{wide}");
}

#[test]
fn github_queues_only_where_it_is_asked_to() {
    assert!(!workflow(&forge()).unwrap().contains("queue:"));
    let text = workflow(&WorkflowFacts { queue: true, ..forge() }).unwrap();
    let begin = "concurrency:\n  group: ${{ format('runbook-{0}', (github.event_name == 'issue_comment' || inputs.action == \
                 'emergency-stop') && github.run_id || inputs.environment || 'staging') }}\n  queue: max\n";
    assert!(text.contains(begin), "{text}");
}
