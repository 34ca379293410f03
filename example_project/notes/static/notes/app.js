// The example's single-page app: what authkit.js is for, in one page.
import { createAuth } from "../authkit/authkit.js";

const API = "/auth/api/";
const NOTES = "/api/notes/";

const auth = createAuth({ baseUrl: API });
const part = (id) => document.getElementById(id);

const SENTENCES = {
  no_active_account: "Name and password did not match.",
  cancelled: "You stopped signing in, so nothing was changed.",
  invalid_state: "This sign-in was not begun here. Please start again.",
  popup_blocked: "The browser did not open a window. Please allow it, or sign in in this one.",
  unavailable: "The server can't be reached right now. Nothing was changed; please try again shortly.",
};

function complain(error) {
  part("problem").hidden = error === null;
  part("problem").textContent = error === null ? "" : (SENTENCES[error.code] ?? error.message);
}

// Runs what a click asks for; whatever goes wrong is said, and the old complaint goes.
const on = (id, event, work) =>
  part(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    complain(null);
    work(happened).catch(complain);
  });

async function json(answer) {
  if (!answer.ok) throw new Error(`The notes could not be had (${answer.status}).`);
  return answer.status === 204 ? null : answer.json();
}

function clone(template) {
  return part(template).content.firstElementChild.cloneNode(true);
}

function fact(id, text) {
  part(id).textContent = text || "unknown";
}

async function showNotes() {
  const { results } = await json(await auth.fetch(NOTES));
  part("notes").replaceChildren(...results.map(noteItem));
  part("no-notes").hidden = results.length > 0;
}

function noteItem({ id, text }) {
  const item = clone("note");
  item.querySelector(".text").textContent = text;
  item.querySelector(".note-name").textContent = `: ${text}`;
  item.querySelector("button").addEventListener("click", () => remove(id).catch(complain));
  return item;
}

async function remove(id) {
  await json(await auth.fetch(`${NOTES}${id}/`, { method: "DELETE" }));
  await showNotes();
}

async function showProviders() {
  const providers = await (await fetch(`${API}social/providers/`)).json();
  part("by-provider").hidden = providers.length === 0;
  part("providers").replaceChildren(...providers.map(providerButton));
}

function providerButton({ id, name }) {
  const button = clone("provider");
  button.querySelector(".ak-monogram").textContent = name.charAt(0);
  button.querySelector(".name").textContent = `Sign in with ${name}`;
  button.addEventListener("click", () => {
    complain(null);
    const signIn = part("popup").checked ? auth.loginWithPopup : auth.loginWithRedirect;
    signIn(id).catch(complain);
  });
  return button;
}

// Shows one of the two sections. The focus goes along if it was in the other one: where it was, nothing is any more.
function turnTo(shown, hidden) {
  const take = part(hidden).contains(document.activeElement);
  part(hidden).hidden = true;
  part(shown).hidden = false;
  part("app").ariaBusy = "false";
  if (take) part(shown).querySelector("h1").focus();
}

async function showSignedOut() {
  part("notes").replaceChildren();
  part("login").reset();
  turnTo("signed-out", "signed-in");
  await showProviders();
}

async function showSignedIn() {
  const { user, login } = await auth.me();
  if (auth.state.user?.id !== user.id) return; // another tab signed out meanwhile, or in as another person
  fact("who", user.username);
  fact("kind", login.kind);
  fact("method", login.method);
  fact("device", login.device);
  fact("since", new Date(login.created_at).toLocaleString());
  part("since").dateTime = login.created_at;
  complain(null);
  turnTo("signed-in", "signed-out");
  await showNotes();
}

auth.onChange(({ status }) => (status === "signed-in" ? showSignedIn() : showSignedOut()).catch(complain));

on("login", "submit", ({ target }) => auth.login(Object.fromEntries(new FormData(target))));
on("logout", "click", async () => {
  await auth.logout().catch(() => {
    throw new Error("You are signed out in this browser's tabs, but the server didn't confirm it. Reload and sign out again.");
  });
});
on("logout-all", "click", () => auth.logoutAll());
on("new-note", "submit", async ({ target }) => {
  const body = JSON.stringify(Object.fromEntries(new FormData(target)));
  await json(await auth.fetch(NOTES, { method: "POST", body, headers: { "Content-Type": "application/json" } }));
  target.reset();
  await showNotes();
});

async function start() {
  const came = await auth.handleRedirect().catch((error) => {
    complain(error);
    return { kind: "none" };
  });
  if (came.kind === "popup") {
    document.querySelector("#app").textContent = "You can close this window.";
  } else {
    await auth.restore(); // onChange does the rest
  }
}

start().catch(complain);
