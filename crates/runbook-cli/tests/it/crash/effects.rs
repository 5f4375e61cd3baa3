//! Killed inside each effect, by the script that makes it: before the change and after it, and with a script that lives on
//! and makes the change later.

use std::time::Duration;

use super::{
    events::{BAD, COMPONENT, DEPLOY, ROLLBACK, STOP, Scene},
    scripts::{HOMES, calm, deeds, world},
    truth::{chain_holds, goes_on, settled},
};

/// Where the script kills its runbook, and what becomes of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// Before the change, which is then never made.
    Before,
    /// Before the change, which is made later, when everybody thinks that it is over.
    Late,
    /// After the change.
    After,
}

/// An effect: the action that makes it, what its script calls the moment, and how the action ends when all goes well.
struct Effect {
    scene: Scene,
    moment: &'static str,
    code: i32,
}

const EFFECTS: [Effect; 5] = [
    Effect { scene: DEPLOY, moment: "v1.1.0", code: 0 },
    Effect { scene: COMPONENT, moment: "v1.1.0", code: 0 },
    Effect { scene: BAD, moment: "v1.0.0", code: 6 },
    Effect { scene: ROLLBACK, moment: "v1.0.0", code: 0 },
    Effect { scene: STOP, moment: "stop", code: 0 },
];

impl Effect {
    /// How the recovery ends, and how often the effect was begun in the end.
    fn expected(&self, point: Point, knows: bool) -> (i32, usize) {
        match point {
            Point::After => (self.code, 1),
            // Whoever stops asks again rather than not at all.
            Point::Before | Point::Late if self.moment == "stop" => (self.code, 2),
            Point::Before if knows => (self.code, 2),
            Point::Before | Point::Late => (7, 1),
        }
    }

    async fn killed(&self, home: &str, knows: bool) {
        let world = world(home, knows).await;
        self.scene.set(&world).await;
        let frozen = world.freeze();
        for point in [Point::Before, Point::Late, Point::After] {
            world.thaw(&frozen);
            self.scene.release(&world);
            let (code, times) = self.expected(point, knows);
            let what = format!("{:?} with its journal in {home}, killed {point:?}", self.scene.arguments);
            let (when, then) = match point {
                Point::Before => ("before", "ends"),
                Point::Late => ("before", "goes-on"),
                Point::After => ("after", "ends"),
            };
            world.put(&format!("kill-{when}-{}", self.moment), then);
            let earlier = deeds(&world).len();
            let ran = world.run(self.scene.arguments).await;
            assert_eq!(ran.code, None, "{what}: it was killed: {ran}");
            chain_holds(&world, &what).await;
            world.json(&["recover", "--dry-run"]).await.exits(0);
            // A stop waits for the script that is at work; a deploy does not.
            let word = async {
                if point == Point::Late && self.moment == "stop" {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    world.put("go", "");
                }
            };
            let (settled, ()) = tokio::join!(settled(&world, &what), word);
            assert_eq!(settled.recovered.code, Some(code), "{what}: {}", settled.recovered);
            let document = settled.recovered.json();
            let verdict = document["recovered"][0]["verdict"].as_str();
            let expected = match code {
                0 => "succeeded",
                6 => "rolled_back",
                _ => "needs_operator",
            };
            assert_eq!(verdict, Some(expected), "{what}: {}", settled.recovered);
            world.put("go", "");
            calm(&world).await;
            let begun = &deeds(&world)[earlier..];
            let last = begun.last().unwrap();
            let same = begun.iter().filter(|deed| (&deed.verb, &deed.release) == (&last.verb, &last.release));
            assert_eq!(same.count(), times, "{what}: {begun:?}");
            goes_on(&world, &settled, &what).await;
        }
    }
}

async fn each_effect(home: &str, knows: bool) {
    for effect in &EFFECTS {
        effect.killed(home, knows).await;
    }
}

#[tokio::test]
async fn an_effect_is_not_repeated_where_what_is_live_can_be_asked() {
    let [file, git] = HOMES;
    tokio::join!(each_effect(file, false), each_effect(git, false));
}

#[tokio::test]
async fn an_effect_is_repeated_only_where_it_is_known_not_to_have_happened() {
    let [file, git] = HOMES;
    tokio::join!(each_effect(file, true), each_effect(git, true));
}
