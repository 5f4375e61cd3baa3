//! Saying who asks: TLS first where it is wanted, then the name, and the password in the way that the server chooses.

use std::time::Duration;

use runbook_core::Secret;
use tokio::time::timeout;

use super::{
    fields::Fields,
    greeting::{Greeting, capability},
    packets::{Packets, foreign},
    refusal, scramble,
};
use crate::probes::database::{At, Channel, Handshake, Login, Progress, Stop};

/// How often a server may ask for something else before it is let go.
const MAX_TURNS: usize = 8;

/// The first byte of an answer.
const OK: u8 = 0x00;
const MORE: u8 = 0x01;
const SWITCH: u8 = 0xfe;
const ERROR: u8 = 0xff;

/// UTF-8 of up to four bytes (`utf8mb4_general_ci`).
const CHARSET: u8 = 45;

/// How long the end of a login that is broken off may take.
const FAREWELL: Duration = Duration::from_millis(200);

/// Logs in. `tls` with `may_be_plain` is used where the server has it.
pub(super) async fn log_in(
    channel: Channel,
    login: &Login,
    tls: Option<Handshake>,
    may_be_plain: bool,
    progress: &mut Progress,
) -> Result<(Packets, Greeting), Stop> {
    let mut packets = Packets::over(channel);
    let packet = packets.next().await?;
    if packet.first() == Some(&ERROR) {
        return Err(refusal::stop(&packet));
    }
    let greeting = Greeting::read(&packet).ok_or_else(foreign)?;
    let mut wanted = capability::PROTOCOL_41
        | capability::TRANSACTIONS
        | capability::SECURE_CONNECTION
        | greeting.capabilities & capability::PLUGIN_AUTH;
    match tls {
        Some(tls) if greeting.can(capability::TLS) => {
            progress.enter(At::Tls);
            wanted |= capability::TLS;
            packets.send(&head(wanted)).await?;
            packets.channel = packets.channel.secure(tls, &login.host).await?;
        }
        Some(_) if !may_be_plain => {
            let nobody = [head(wanted).as_slice(), &[0; 3]].concat();
            return Err(decline(packets, &nobody, Stop::down("TLS failed: the server does not offer it")).await);
        }
        _ => {}
    }
    progress.enter(At::Login);
    // The server asks again where the user has another way.
    let way = if greeting.plugin == Way::CachingSha2.name() { Way::CachingSha2 } else { Way::Native };
    packets.send(&introduction(wanted, login, way, &greeting)).await?;
    match converse(&mut packets, way, login).await {
        Ok(()) => Ok((packets, greeting)),
        Err(stop @ Stop::Unclear(_)) => Err(decline(packets, &[], stop).await),
        Err(stop) => Err(stop),
    }
}

/// Ends a login in order, where this side does not go on: a host that breaks logins off too often is locked out, with
/// everybody on it (`max_connect_errors`).
async fn decline(mut packets: Packets, words: &[u8], stop: Stop) -> Stop {
    let end = async {
        packets.send(words).await?;
        packets.next().await
    };
    let _ = timeout(FAREWELL, end).await;
    stop
}

/// What a request for TLS and a login begin with.
fn head(capabilities: u32) -> Vec<u8> {
    let mut head = capabilities.to_le_bytes().to_vec();
    // The largest packet that this side would take.
    head.extend(u32::to_le_bytes(1 << 16));
    head.push(CHARSET);
    head.extend([0; 23]);
    head
}

/// Who asks ("Protocol::HandshakeResponse41").
fn introduction(wanted: u32, login: &Login, way: Way, greeting: &Greeting) -> Vec<u8> {
    let database = login.database.as_deref();
    let mut words = head(if database.is_some() { wanted | capability::DATABASE } else { wanted });
    words.extend(text(login.user.as_deref().unwrap_or_default()));
    let proof = way.scramble(login.password.as_ref(), &greeting.nonce);
    // Twenty or thirty-two bytes, or none.
    words.push(u8::try_from(proof.len()).unwrap_or_default());
    words.extend(proof);
    words.extend(database.map(text).unwrap_or_default());
    if greeting.can(capability::PLUGIN_AUTH) {
        words.extend(text(way.name()));
    }
    words
}

/// A text and the NUL behind it, which settings and URLs cannot hold.
fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

/// Answers what the server asks until it says yes or no.
async fn converse(packets: &mut Packets, mut way: Way, login: &Login) -> Result<(), Stop> {
    let password = login.password.as_ref();
    for _ in 0..MAX_TURNS {
        let packet = packets.next().await?;
        let mut fields = Fields::of(&packet);
        match fields.byte() {
            Some(OK) => return Ok(()),
            Some(ERROR) => return Err(refusal::stop(&packet)),
            Some(SWITCH) => {
                let name = fields.until_nul().ok_or_else(unknown_way)?;
                way = Way::of(&String::from_utf8_lossy(name)).ok_or_else(unknown_way)?;
                let nonce = fields.rest().strip_suffix(&[0]).unwrap_or(fields.rest()).to_vec();
                let proof = match way {
                    Way::Native | Way::CachingSha2 => way.scramble(password, &nonce),
                    Way::Clear => itself(password, way, packets)?,
                };
                packets.send(&proof).await?;
            }
            Some(MORE) => match (way, fields.byte()) {
                // The server remembers the password; its OK follows.
                (Way::CachingSha2, Some(3)) => {}
                (Way::CachingSha2, Some(4)) => {
                    let proof = itself(password, way, packets)?;
                    packets.send(&proof).await?;
                }
                _ => return Err(unknown_way()),
            },
            _ => return Err(foreign()),
        }
    }
    Err(unknown_way())
}

/// The password itself, where nobody but the server can learn it.
fn itself(password: Option<&Secret>, way: Way, packets: &Packets) -> Result<Vec<u8>, Stop> {
    // Over a plain connection it would have to be encrypted with a key that anybody on the way could have sent.
    if way == Way::CachingSha2 && !packets.channel.is_encrypted() {
        return Err(Stop::unclear(
            "the server asks for the password itself, which is not sent without TLS: set `tls = \"verify\"`",
        ));
    }
    packets.channel.check_trusted()?;
    Ok(text(password.map(Secret::reveal).unwrap_or_default()))
}

/// A way to log in ("authentication plugin").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Native,
    CachingSha2,
    Clear,
}

impl Way {
    fn of(name: &str) -> Option<Self> {
        [Self::Native, Self::CachingSha2, Self::Clear].into_iter().find(|way| way.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Clear => "mysql_clear_password",
        }
    }

    /// What shows that this side has the password; nothing for none.
    fn scramble(self, password: Option<&Secret>, nonce: &[u8]) -> Vec<u8> {
        match (self, password.map(|password| password.reveal().as_bytes())) {
            (Self::Native, Some(password)) => scramble::native(password, nonce),
            (Self::CachingSha2, Some(password)) => scramble::caching_sha2(password, nonce),
            (Self::Clear, _) | (_, None) => Vec::new(),
        }
    }
}

fn unknown_way() -> Stop {
    Stop::unclear("the server asks for a kind of login that this probe does not know")
}
