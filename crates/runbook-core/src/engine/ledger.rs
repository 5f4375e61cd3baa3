//! The one writer of a run: it appends events, folds what comes back, and guards every effect.
//!
//! Events are buffered until something needs them to be durable (an intent, the lock, the latch) or somebody reads the
//! state; then they are appended together. After a lost race the journal is read again, everything is checked again
//! and the batch is encoded again. What may be appended, `exclusion` says; `leave` is leave to begin an effect.

mod leave;

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use tokio::sync::Mutex;

use super::{
    EngineError,
    exclusion::{Move, Standing, allowed},
};
use crate::{
    event::{Draft, Event, EventKind, Head, encode},
    ports::{Clock, EventSink, Journal, JournalError, LocalLatch, Notice},
    redact::Redactor,
    state::{EnvironmentState, RunState},
    words::{Action, Actor, EventId, Owner, RunId},
};

/// The longest that one call to the journal may take.
const JOURNAL_DEADLINE: Duration = Duration::from_secs(30);
/// The longest that an emergency stop waits for the journal, before it goes on without it.
pub(super) const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// How often a lost race is run again: with many at one journal somebody may lose often before the others are done.
const RACES: u32 = 500;
/// The longest pause after a lost race.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What a ledger writes to and asks.
#[derive(Debug, Clone)]
pub struct LedgerPorts {
    /// Where events are kept.
    pub journal: Arc<dyn Journal>,
    /// The latch's fallback, where there is one.
    pub local_latch: Option<Arc<dyn LocalLatch>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Takes secrets out of everything that is written.
    pub redactor: Redactor,
    /// Who watches.
    pub sinks: Vec<Arc<dyn EventSink>>,
}

/// One run's view of its environment's journal, and its only way to write to it.
#[derive(Debug)]
pub struct Ledger {
    ports: LedgerPorts,
    run: RunId,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    head: Head,
    epoch: u64,
    environment: EnvironmentState,
    state: Option<RunState>,
    buffer: Vec<Draft>,
    /// Why events are kept in memory only: an emergency stop that could not reach the journal.
    detached: Option<String>,
    /// Whether the stop latch was durable before that.
    latch_shared: bool,
}

impl Inner {
    /// Whether this run is an emergency stop: it waits for nobody, not even for the journal.
    fn stops(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.request.action == Action::EmergencyStop)
    }

    /// Who writes here, as far as the events tell.
    fn standing(&self, run: RunId) -> Standing {
        let begun = self.state.as_ref().map_or(self.epoch, |state| state.begun);
        Standing { run, begun, epoch: self.epoch, stops: self.stops() }
    }

    fn detach(&mut self, why: String) {
        self.latch_shared |= self.detached.is_none() && self.state.as_ref().is_some_and(|state| state.latched);
        self.detached = Some(why);
    }

    /// What a failed call to the journal means: nothing for an emergency stop, which goes on in memory.
    fn without_journal(&mut self, error: EngineError) -> Result<(), EngineError> {
        if !self.stops() || matches!(error, EngineError::Journal(JournalError::Conflict { .. })) {
            return Err(error);
        }
        self.detach(super::with_causes(&error));
        Ok(())
    }
}

impl Ledger {
    /// Reads the journal, and stands ready to write for `run`: a new one, or one that only reads.
    ///
    /// # Errors
    /// When the journal cannot be read, or does not hold together.
    pub async fn open(ports: LedgerPorts, run: RunId) -> Result<Arc<Self>, EngineError> {
        Self::read(ports, run).await.map(Arc::new)
    }

    /// Takes up a run that another process began and did not end, with a new epoch, unless somebody has taken it up since
    /// it had the epoch `seen`. From then on that process can begin nothing any more.
    pub(super) async fn take_up(
        ports: LedgerPorts,
        run: RunId,
        owner: Owner,
        seen: u64,
    ) -> Result<Arc<Self>, EngineError> {
        let ledger = Self::read(ports, run).await?;
        let not_open = |problem: String| EngineError::NotOpen { run, problem };
        {
            let mut inner = ledger.inner.lock().await;
            let open = inner.environment.open_runs.get(&run);
            let from = open.ok_or_else(|| not_open("it has ended, or never began".to_owned()))?.from;
            let (stored, head) = ledger.in_time(&inner, ledger.ports.journal.replay(from)).await?;
            for stored in &stored {
                // What came since the snapshot was read.
                if stored.event.seq > inner.head.seq {
                    inner.environment.apply(&stored.event);
                }
                Self::apply(&mut inner, run, &stored.event);
            }
            inner.head = head;
        }
        let continued = ledger.ask(Move::TakeUp { seen }, vec![EventKind::RunContinued { owner }]);
        continued.await?.map_err(not_open)?;
        Ok(Arc::new(ledger))
    }

    async fn read(ports: LedgerPorts, run: RunId) -> Result<Self, EngineError> {
        let inner = Inner {
            head: Head::EMPTY,
            epoch: 0,
            environment: EnvironmentState::default(),
            state: None,
            buffer: Vec::new(),
            detached: None,
            latch_shared: false,
        };
        let ledger = Self { ports, run, inner: Mutex::new(inner) };
        let mut inner = ledger.inner.lock().await;
        match ledger.in_time(&inner, ledger.ports.journal.snapshot()).await? {
            Some(snapshot) => (inner.head, inner.environment) = (snapshot.head, snapshot.state),
            None => ledger.refresh(&mut inner).await?,
        }
        drop(inner);
        Ok(ledger)
    }

    /// A ledger that keeps its events in memory, because the journal cannot be reached. For an emergency stop only.
    pub(super) fn detached(ports: LedgerPorts, run: RunId, why: String) -> Arc<Self> {
        let inner = Inner {
            head: Head::EMPTY,
            epoch: 1,
            environment: EnvironmentState::default(),
            state: None,
            buffer: Vec::new(),
            detached: Some(why),
            latch_shared: false,
        };
        Arc::new(Self { ports, run, inner: Mutex::new(inner) })
    }

    /// Which run writes here.
    pub fn run(&self) -> RunId {
        self.run
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.ports.clock
    }

    pub(super) fn redact(&self, text: &str) -> String {
        self.ports.redactor.redact(text)
    }

    pub(super) fn notice(&self, notice: &Notice) {
        self.ports.sinks.iter().for_each(|sink| sink.on_notice(notice));
    }

    /// Both folds as they are now, with everything that was recorded so far and the stop latch wherever it is set.
    ///
    /// # Errors
    /// When the journal cannot be written or read.
    pub async fn state(&self) -> Result<(Option<RunState>, EnvironmentState), EngineError> {
        let (run, mut environment) = {
            let mut inner = self.inner.lock().await;
            self.append(&mut inner).await?;
            (inner.state.clone(), inner.environment.clone())
        };
        environment.latch = self.latch().await;
        Ok((run, environment))
    }

    /// Why events are kept in memory only, when they are.
    pub(super) async fn why_detached(&self) -> Option<String> {
        self.inner.lock().await.detached.clone()
    }

    /// Whether this run is an emergency stop.
    pub(super) async fn stops(&self) -> bool {
        self.inner.lock().await.stops()
    }

    /// Goes on in memory, because the journal cannot be reached: an emergency stop goes on stopping, any other run only
    /// tells what is known.
    pub(super) async fn detach(&self, why: String) {
        self.inner.lock().await.detach(why);
    }

    /// Whether the stop latch that this run set is in the journal, for every other run to see.
    pub(super) async fn latch_is_shared(&self) -> bool {
        let inner = self.inner.lock().await;
        inner.detached.is_none() || inner.latch_shared
    }

    /// Whether this machine keeps a latch of its own, for every run that begins here.
    pub(super) async fn latch_is_kept_here(&self) -> bool {
        match &self.ports.local_latch {
            Some(local) => matches!(local.read().await, Ok(Some(_))),
            None => false,
        }
    }

    /// Keeps a fact for the next batch.
    pub(super) async fn record(&self, kind: EventKind) {
        let mut inner = self.inner.lock().await;
        let draft = self.draft(&inner, kind);
        inner.buffer.push(draft);
    }

    /// Records a fact and makes it, and all before it, durable.
    pub(super) async fn commit(&self, kind: EventKind) -> Result<(), EngineError> {
        let mut inner = self.inner.lock().await;
        let draft = self.draft(&inner, kind);
        inner.buffer.push(draft);
        self.append(&mut inner).await
    }

    /// Begins the run: a new epoch, and the run's first event. A request that another run carried out under the same name
    /// begins none: [`EngineError::Repeated`].
    pub(super) async fn begin(&self, kind: EventKind) -> Result<(), EngineError> {
        self.ask(Move::Begin, vec![kind]).await.map(drop)
    }

    /// Takes the lock, with a new epoch, unless another run holds it or the world is no longer the one that this run
    /// was planned in. After this call the run is the one writer. Asked for again by its holder, it changes nothing: a
    /// new epoch would lift the fence that a stop has set since.
    pub(super) async fn acquire_lock(
        &self,
        owner: Owner,
        actor: Actor,
        action: Action,
    ) -> Result<Result<(), String>, EngineError> {
        let holds_it = {
            let inner = self.inner.lock().await;
            inner.environment.lock.as_ref().is_some_and(|lock| lock.run == self.run)
        };
        if holds_it {
            return Ok(Ok(()));
        }
        let kind = EventKind::LockAcquired { owner, actor, reason: action.to_string(), sticky: false };
        self.ask(Move::Lock, vec![kind]).await
    }

    /// Makes a move: appends its events together, if it is allowed in the very world that they are appended to. The inner
    /// error says why it is not; nothing was written then.
    pub(super) async fn ask(&self, wanted: Move, kinds: Vec<EventKind>) -> Result<Result<(), String>, EngineError> {
        let mut inner = self.inner.lock().await;
        self.append(&mut inner).await?;
        for race in 0..RACES {
            if let Some(run) = carried_out(&kinds, &inner.environment).filter(|run| *run != self.run) {
                return Err(EngineError::Repeated(run));
            }
            if let Err(bar) = allowed(wanted, &inner.standing(self.run), &inner.environment) {
                return Ok(Err(bar.to_string()));
            }
            let epoch = if wanted.raises_epoch() { inner.environment.epoch + 1 } else { inner.epoch };
            let batch = kinds.iter().map(|kind| Draft { epoch, ..self.draft(&inner, kind.clone()) }).collect();
            match self.try_append(&mut inner, batch).await {
                Ok(()) => {
                    // Not before: with an epoch that it did not get, a run would overlook who was faster.
                    inner.epoch = epoch;
                    return Ok(Ok(()));
                }
                Err(EngineError::Journal(JournalError::Conflict { .. })) => self.run_again(&mut inner, race).await?,
                Err(error) => return Err(error),
            }
        }
        Err(self.stuck("is written by others without a pause"))
    }

    /// How long a run that only waits leaves between two looks.
    pub(super) fn pause_between_looks(&self) -> Duration {
        self.ports.journal.pause_between_looks()
    }

    fn draft(&self, inner: &Inner, kind: EventKind) -> Draft {
        Draft { id: EventId::new(), at: self.ports.clock.now(), run: self.run, epoch: inner.epoch, kind }
    }

    /// Appends the buffer, reading again after each lost race.
    async fn append(&self, inner: &mut Inner) -> Result<(), EngineError> {
        for race in 0..RACES {
            if inner.buffer.is_empty() {
                return Ok(());
            }
            if inner.detached.is_none() {
                self.may_tell(inner)?;
            }
            let batch = inner.buffer.clone();
            match self.try_append(inner, batch).await {
                Ok(()) => {
                    inner.buffer.clear();
                    return Ok(());
                }
                Err(EngineError::Journal(JournalError::Conflict { .. })) => self.run_again(inner, race).await?,
                Err(error) => return Err(error),
            }
        }
        Err(self.stuck("is written by others without a pause"))
    }

    async fn try_append(&self, inner: &mut Inner, batch: Vec<Draft>) -> Result<(), EngineError> {
        let place = || self.ports.journal.place();
        let encoded = encode(&batch, inner.head, &|text| self.ports.redactor.redact(text))
            .map_err(|source| JournalError::Damaged { place: place(), source })?;
        if inner.detached.is_none() && inner.environment.unknown_events > 0 {
            let count = inner.environment.unknown_events;
            inner.without_journal(EngineError::Newer { count })?;
        }
        let mut environment = inner.environment.clone();
        encoded.events.iter().for_each(|event| environment.apply(event));
        if inner.detached.is_none() {
            let appended = self.ports.journal.append(&encoded, inner.head, &environment);
            self.in_time(inner, appended).await.or_else(|error| inner.without_journal(error))?;
        }
        (inner.head, inner.environment) = (encoded.head, environment);
        for event in &encoded.events {
            Self::apply(inner, self.run, event);
            self.ports.sinks.iter().for_each(|sink| sink.on_event(event));
        }
        Ok(())
    }

    /// Reads what the winner of a race has written. Who loses again and again pauses, a while that nobody can foresee, so
    /// that the same ones do not meet again; a stop never does.
    async fn run_again(&self, inner: &mut Inner, race: u32) -> Result<(), EngineError> {
        if race >= 3 && !inner.stops() {
            let longest = LONGEST_PAUSE.min(Duration::from_millis(5) * race);
            let pause = longest.mul_f64(rand::rng().random());
            self.ports.clock.sleep(pause).await;
        }
        self.refresh(inner).await
    }

    async fn refresh(&self, inner: &mut Inner) -> Result<(), EngineError> {
        let (stored, head) = match self.in_time(inner, self.ports.journal.replay(inner.head)).await {
            Ok(replayed) => replayed,
            Err(error) => return inner.without_journal(error),
        };
        for stored in &stored {
            inner.environment.apply(&stored.event);
            Self::apply(inner, self.run, &stored.event);
        }
        // After a lost answer they are there already.
        inner.buffer.retain(|draft| !stored.iter().any(|stored| stored.event.id == draft.id));
        inner.head = head;
        self.may_tell(inner)
    }

    /// Whether this process still is the one that tells how the run goes on.
    fn may_tell(&self, inner: &Inner) -> Result<(), EngineError> {
        allowed(Move::Tell, &inner.standing(self.run), &inner.environment).map_err(|_| EngineError::TakenUp(self.run))
    }

    async fn in_time<T>(
        &self,
        inner: &Inner,
        call: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, EngineError> {
        let deadline = if inner.stops() { STOP_DEADLINE } else { JOURNAL_DEADLINE };
        match tokio::time::timeout(deadline, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(self.stuck(&format!("did not answer within {} s", deadline.as_secs()))),
        }
    }

    /// Takes an event into the fold of the run.
    fn apply(inner: &mut Inner, run: RunId, event: &Event) {
        match &mut inner.state {
            Some(state) => state.apply(event),
            None if event.run == run => inner.state = RunState::begin(event),
            None => {}
        }
    }

    fn stuck(&self, problem: &str) -> EngineError {
        EngineError::Stuck { place: self.ports.journal.place(), problem: problem.to_owned() }
    }
}

/// The run that carried out the request which these events would begin a run of.
fn carried_out(kinds: &[EventKind], world: &EnvironmentState) -> Option<RunId> {
    kinds.iter().find_map(|kind| match kind {
        EventKind::RunStarted(started) => world.run_of_request(started.request.origin.request_id.as_deref()?),
        _ => None,
    })
}
