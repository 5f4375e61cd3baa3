//! Saying who asks: in clear text where the server has proved who it is, by MD5, by SCRAM-SHA-256.

use fallible_iterator::FallibleIterator;
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256},
    },
    message::{backend::Message, frontend},
};

use super::message::{foreign, next, write};
use crate::probes::database::{Channel, Login, Stop};

/// How many messages of a login are answered, and how many may follow, before a server is let go.
const MAX_TURNS: usize = 8;

/// Logs in, up to the moment where the server waits for a question.
pub(super) async fn log_in(channel: &mut Channel, login: &Login) -> Result<(), Stop> {
    let user = login.user.as_deref().unwrap_or_default();
    let mut parameters = vec![("user", user), ("application_name", "runbook"), ("client_encoding", "UTF8")];
    parameters.extend(login.database.as_deref().map(|database| ("database", database)));
    let hello = write(|bytes| frontend::startup_message(parameters, bytes))?;
    channel.send(&hello).await?;
    let mut scram: Option<ScramSha256> = None;
    for _ in 0..MAX_TURNS {
        let answer = match next(channel).await? {
            // A server that knows nothing of the password could say this too.
            Message::AuthenticationOk if scram.is_some() => return Err(unproven()),
            Message::AuthenticationOk => return until_ready(channel).await,
            Message::AuthenticationCleartextPassword => {
                channel.check_trusted()?;
                let password = password(login)?;
                write(|bytes| frontend::password_message(password, bytes))?
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(user.as_bytes(), password(login)?, body.salt());
                write(|bytes| frontend::password_message(hash.as_bytes(), bytes))?
            }
            Message::AuthenticationSasl(body) => {
                let mut offered = body.mechanisms();
                if !offered.any(|mechanism| Ok(mechanism == SCRAM_SHA_256)).map_err(|_| foreign())? {
                    return Err(unknown_way());
                }
                let begun = scram.insert(ScramSha256::new(password(login)?, ChannelBinding::unsupported()));
                write(|bytes| frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), bytes))?
            }
            Message::AuthenticationSaslContinue(body) => {
                let begun = scram.as_mut().ok_or_else(foreign)?;
                begun.update(body.data()).map_err(|error| {
                    Stop::Unclear(format!("the login failed: the server's part of it cannot be used ({error})"))
                })?;
                write(|bytes| frontend::sasl_response(begun.message(), bytes))?
            }
            Message::AuthenticationSaslFinal(body) => {
                let mut begun = scram.take().ok_or_else(foreign)?;
                begun.finish(body.data()).map_err(|_| unproven())?;
                continue;
            }
            Message::AuthenticationGss
            | Message::AuthenticationKerberosV5
            | Message::AuthenticationScmCredential
            | Message::AuthenticationSspi => return Err(unknown_way()),
            _ => return Err(foreign()),
        };
        channel.send(&answer).await?;
    }
    Err(Stop::unclear("the login failed: the server asks again and again"))
}

async fn until_ready(channel: &mut Channel) -> Result<(), Stop> {
    for _ in 0..MAX_TURNS {
        match next(channel).await? {
            Message::ReadyForQuery(_) => return Ok(()),
            Message::BackendKeyData(_) => {}
            _ => return Err(foreign()),
        }
    }
    Err(foreign())
}

fn password(login: &Login) -> Result<&[u8], Stop> {
    match &login.password {
        Some(password) => Ok(password.reveal().as_bytes()),
        None => Err(Stop::unclear("the server asks for a password, and none is configured (`password_env`)")),
    }
}

fn unknown_way() -> Stop {
    Stop::unclear("the server asks for a kind of login that this probe does not know")
}

fn unproven() -> Stop {
    Stop::unclear("the login failed: the server did not prove that it knows the password")
}
