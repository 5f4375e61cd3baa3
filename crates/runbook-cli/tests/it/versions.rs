//! Versions that cannot be deployed: exit code 2, with what may have been meant; and nothing was done.

use crate::bench::World;

#[tokio::test]
async fn what_is_no_version_is_told_with_what_may_have_been_meant() {
    let world = World::new().await;
    world.repository.branch("feature");
    let before = world.outside();
    for (version, says) in [
        ("v9.9.9", "v9.9.9"),
        ("v1.1.1", "did you mean v1.1.0?"),
        ("main", "a branch moves"),
        ("feature", "a branch moves"),
        ("HEAD", "a branch moves"),
        ("abc", "at least seven hex digits"),
        ("v1.0.0..v1.1.0", "v1.0.0..v1.1.0"),
        ("v1.0.0:VERSION", "v1.0.0:VERSION"),
        ("HEAD~1", "HEAD~1"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("", "version"),
    ] {
        for command in
            [&["deploy", version][..], &["rollback", version], &["update-component", "api", "--version", version]]
        {
            let ran = world.run(command).await;
            ran.exits(2).says(&[says, "a version is a tag, or a commit"]);
            world.json(command).await.exits(2).fault("version");
        }
    }
    assert_eq!(world.outside(), before);
    assert!(!world.state_dir().exists(), "no trace is left");
}

#[tokio::test]
async fn an_option_in_the_place_of_a_version_is_none() {
    let world = World::new().await;
    let before = world.outside();
    for version in ["--upload-pack=touch pwned", "-x", "--help"] {
        world.run(&["deploy", "--", version]).await.exits(2).says(&["could be an option"]);
        let ran = world.run(&["rollback", "--format", "json", "--", version]).await;
        let (message, _) = ran.exits(2).fault("version");
        assert!(message.contains("could be an option"), "{message}");
    }
    world.run(&["deploy", "--upload-pack=x"]).await.exits(2).says(&["unexpected argument"]);
    assert_eq!(world.outside(), before);
    assert!(!world.state_dir().exists(), "no trace is left");
}

#[tokio::test]
async fn what_was_live_once_is_known_by_its_id_when_its_tag_is_gone() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.deployed("v1.1.0").await;
    world.repository.git().tag_delete("v1.0.0").unwrap();
    world.run(&["rollback", "v1.0.0"]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    world.run(&["rollback", "v0.9.0"]).await.exits(2);
}
