// authkit's client: sign in, stay signed in, sign out, in every tab of the origin. docs/front-end.md says how to use it.
// One ES module without dependencies, for a strict Content-Security-Policy. The access token is in memory alone.

const PENDING = "authkit:redirect"; // in sessionStorage, from loginWithRedirect() until handleRedirect()
const POPUP = "popup."; // how the state of a sign-in in a popup begins
const LEEWAY = 10; // seconds before its end in which an access token counts as over: clocks and networks take some
const PATIENCE = 1000; // ms to wait for what another tab says after its refresh; the lock and the message race
const FIRST_PAUSE = 500; // ms between a failed refresh and the next one; doubled with each further failure
const LONGEST_PAUSE = 300_000; // ms; a server can't ask for more, as its Retry-After may be a mistake
const VERSION = 1; // of the messages between tabs; a tab ignores a message of another version
const LOOKS = 6; // how often in a row, at 250 ms, a popup has to look closed to its opener in front to count as given up
const GOODBYE = 5000; // ms for which a popup waits until its opener has confirmed the answer

export class AuthError extends Error {
  constructor(code, message, { reason = null, status = 0, data = null, retryAfter = null, cause } = {}) {
    super(message, { cause });
    Object.assign(this, { name: "AuthError", code, reason, status, data, retryAfter });
  }
}

export function createAuth({ baseUrl = "/auth/api/", transport = "hybrid", issuer, timeout = 10_000, stepUp } = {}) {
  if (!["cookie", "hybrid", "body"].includes(transport)) throw new TypeError(`no such transport: ${transport}`);
  // Browsers take a longer timer for one of 0 ms.
  if (!(timeout > 0 && timeout < 2 ** 31)) throw new TypeError(`not a number of milliseconds: ${timeout}`);
  const base = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`, location.href);
  const expectedIssuer = issuer ?? base.origin;
  // With the refresh token in a cookie, all tabs are one login. With `body`, each tab is a login of its own.
  const shared = transport !== "body";
  const name = `authkit:${transport}:${base.href}`;
  const channel = shared ? new BroadcastChannel(name) : null;
  const listeners = new Set();

  let state = Object.freeze({ status: shared ? "unknown" : "signed-out", user: null });
  let access = null; // not with `cookie`
  let refreshToken = null; // with `body` alone
  let until = Infinity; // when the access token is over, as Date.now() has it
  let serial = 0; // counts what we held, so that one can tell whether something new came meanwhile
  let wake = () => {};
  let csrf = null;
  let refreshing = null;
  let restoring = null;
  let leaving = null; // the sign-out of this tab that the server has not confirmed yet
  let crossed = false; // whether another tab said "signed-in" during that sign-out
  let steps = 0; // counts step-ups
  let stepping = null; // the page's question who this is, which all calls that were refused meanwhile wait for
  let owed = null; // the access token of a sign-out that failed, for the next try
  let rotation = new AbortController(); // a sign-out aborts it, and with it the refresh under way
  let failures = 0; // refreshes that failed in a row, in all tabs
  let pause = { since: 0, wait: 0 }; // in ms; no tab refreshes before it is over
  let last = Promise.resolve();

  // --- what we are, here and in the other tabs

  function become(status, user) {
    if (status === state.status && JSON.stringify(user) === JSON.stringify(state.user)) return;
    state = Object.freeze({ status, user });
    // Each by itself: one that throws must not keep the others, or us, from going on.
    for (const listener of listeners) queueMicrotask(() => listener(state));
  }

  function hold(held) {
    ({ access = null, refresh: refreshToken = null, until = Infinity } = held);
    serial += 1;
    failures = 0;
    pause = { since: 0, wait: 0 };
    owed = null;
  }

  function drop() {
    rotation.abort();
    hold({});
    become("signed-out", null);
  }

  function forget() {
    drop();
    tell("signed-out");
  }

  function tell(kind, more) {
    channel?.postMessage({ version: VERSION, kind, ...more });
  }

  // Any script of the origin can speak on the channel, and so can an older authkit.js in a tab that was not reloaded.
  channel?.addEventListener("message", ({ data }) => {
    if (data?.version !== VERSION) return;
    const { kind, access, until, user, wait, failures: counted } = data;
    if (kind === "signed-in" && isText(access ?? "") && isNumber(until) && typeof (user ?? {}) === "object") {
      // A refresh that the sign-out of this tab has overtaken: its login is about to end.
      if (leaving) crossed = true;
      else {
        hold({ access, until });
        become("signed-in", user ?? null);
      }
    } else if (kind === "signed-out") drop();
    else if (kind === "failed" && isNumber(wait) && isNumber(counted)) rest(wait, counted);
    else return;
    wake();
  });

  // Takes a token answer. Always by what the server says of the person: the cookie may be somebody else's by now.
  async function welcome({ access, refresh, expires_in: seconds, user }) {
    hold({ access, refresh, until: Date.now() + 1000 * Math.max(seconds - LEEWAY, seconds / 2) });
    const ours = serial;
    if (!user) {
      try {
        ({ user } = await call("GET", "me/", { bearer: access }));
      } catch (error) {
        if (error.status === 401 && serial === ours) return forget();
        user = null; // signed in all the same; me() asks again
      }
      if (serial !== ours) return; // signed out, or in anew, meanwhile: what we asked for is over
    }
    become("signed-in", user);
    tell("signed-in", { access, until, user });
  }

  // Sign-in and refresh, one at a time in all tabs. All that `work` waits for has a time limit, or one tab could stop the
  // others. A sign-out takes no lock, because it must not wait for a refresh. Web Locks need TLS or localhost; without
  // them a tab keeps its own order, and the server gives two tabs that refresh at once the same successor.
  function exclusively(work, options = {}) {
    if (shared && navigator.locks) return navigator.locks.request(name, options, work);
    const turn = last.then(() => work(true));
    last = turn.catch(() => {});
    return turn;
  }

  // --- calls of authkit's own endpoints

  // Runs `work` with a signal that aborts at the end of the time limit, or when `also` does.
  async function limited(work, also) {
    const limit = new AbortController();
    const stop = () => limit.abort();
    const timer = setTimeout(stop, timeout);
    also?.addEventListener("abort", stop);
    if (also?.aborted) stop();
    try {
      return await work(limit.signal);
    } finally {
      clearTimeout(timer);
      also?.removeEventListener("abort", stop);
    }
  }

  const unreachable = (cause) => new AuthError("unavailable", "The server can't be reached.", { cause });

  async function call(method, path, { body, bearer = null, proven = !bearer, signal } = {}, again = true) {
    let refusal = null;
    const data = await limited(async (limit) => {
      const headers = { Accept: "application/json" };
      if (body !== undefined) headers["Content-Type"] = "application/json";
      if (bearer) headers.Authorization = `Bearer ${bearer}`;
      if (proven && shared && method !== "GET") headers["X-CSRFToken"] = await proof();
      const how = { method, headers, body: JSON.stringify(body), cache: "no-store", signal: limit };
      try {
        const answer = await fetch(new URL(path, base), { ...how, credentials: shared ? "include" : "omit" });
        // Within, as it may break off in the middle, or be the page of a proxy between us and the server.
        if (answer.ok) return answer.status === 204 ? null : await answer.json();
        refusal = await failure(answer);
      } catch (cause) {
        throw unreachable(cause);
      }
    }, signal);
    if (!refusal) return data;
    if (refusal.code !== "csrf_failed" || !again) throw refusal;
    csrf = null; // another tab got a new cookie meanwhile
    return call(method, path, { body, bearer, proven, signal }, false);
  }

  async function failure(answer) {
    const data = await answer.json().catch(() => null);
    const code = data?.code ?? (answer.status >= 500 ? "unavailable" : "refused");
    const { reason = null, detail = `HTTP ${answer.status}`, retry_after: wait } = data ?? {};
    const said = answer.headers.get("Retry-After") ?? wait; // seconds or a date (RFC 9110, 10.2.3)
    const seconds = Number(said) || Math.ceil((Date.parse(said) - Date.now()) / 1000);
    return new AuthError(code, detail, { reason, status: answer.status, data, retryAfter: seconds > 0 ? seconds : null });
  }

  function proof() {
    csrf ??= call("GET", "session/").then((session) => session.csrf_token);
    csrf.catch(() => (csrf = null));
    return csrf;
  }

  // --- staying signed in

  const withoutCookie = (error) => error.status === 400 && error.data !== null && !("code" in error.data);

  // Resolves to whether we are signed in. Rejects where that can't be told, and then nothing has changed.
  const refresh = () => (refreshing ??= renew().finally(() => (refreshing = null)));

  async function renew() {
    const before = serial;
    const done = await exclusively((lock) => (lock ? rotate() : null), { ifAvailable: true });
    if (done !== null) return done;
    return exclusively(async () => {
      if (serial === before) await Promise.race([sleep(PATIENCE), new Promise((resolve) => (wake = resolve))]);
      return serial === before ? rotate() : state.status === "signed-in";
    });
  }

  function rest(wait, counted) {
    pause = { since: Date.now(), wait: Math.min(wait, LONGEST_PAUSE) };
    failures = counted;
  }

  // After a failure: as long as the server asks for, or else twice as long each time. By chance up to half of that is
  // taken off, or all browsers would come back at the same moment.
  function retreat({ retryAfter }) {
    const wait = retryAfter ? retryAfter * 1000 : FIRST_PAUSE * 2 ** Math.min(failures, 20) * (1 - Math.random() / 2);
    rest(wait, failures + 1);
    tell("failed", { wait, failures });
  }

  // Waits until a short pause is over; rejects at once in a long one, as the page has something better to show.
  async function sitOut() {
    const passed = Date.now() - pause.since;
    const left = passed < 0 ? 0 : pause.wait - passed; // less than 0 where the clock was set back
    if (left > PATIENCE) {
      throw new AuthError("unavailable", "The last refresh failed.", { retryAfter: Math.ceil(left / 1000) });
    }
    if (left > 0) await sleep(left);
  }

  async function rotate() {
    const before = serial;
    await sitOut();
    if (serial !== before) return state.status === "signed-in";
    const { signal } = (rotation = new AbortController());
    try {
      const body = shared ? {} : { refresh: refreshToken };
      const answer = await call("POST", "token/refresh/", { body, signal });
      // A sign-out came first. The server may not know of it yet, so the server is not asked.
      if (signal.aborted) return state.status === "signed-in";
      // Not every browser has locks: an answer that was on its way while a person signed in elsewhere may be of a login
      // that is over, so the server is asked once more.
      await welcome(serial === before ? answer : { ...answer, user: null });
    } catch (error) {
      if (signal.aborted) return state.status === "signed-in";
      if (error.status !== 401 && !withoutCookie(error)) {
        retreat(error);
        throw error;
      }
      forget();
    }
    return state.status === "signed-in";
  }

  async function resume() {
    if (transport === "cookie") {
      const before = serial;
      const session = await call("GET", "session/");
      if (serial !== before) return; // another tab told what is newer
      if (session.authenticated) return become("signed-in", session.user);
    }
    return refresh();
  }

  async function restore() {
    if (state.status === "unknown") await (restoring ??= resume().finally(() => (restoring = null)));
    return state;
  }

  async function send(request) {
    const headers = new Headers(request.headers);
    if (access) headers.set("Authorization", `Bearer ${access}`);
    if (transport !== "cookie") return fetch(new Request(request, { headers }));
    if (!["GET", "HEAD", "OPTIONS"].includes(request.method)) headers.set("X-CSRFToken", await proof());
    return fetch(new Request(request, { headers, credentials: "include" }));
  }

  async function ready() {
    await restore();
    if (state.status === "signed-in" && Date.now() >= until) await refresh();
  }

  // The caller's own request has no time limit but the caller's: it may be an upload, or a stream.
  async function authorizedFetch(input, init) {
    const request = new Request(input, init);
    if (new URL(request.url).origin !== base.origin || request.headers.has("Authorization")) return fetch(request);
    await ready();
    const [used, stepsBefore] = [serial, steps];
    const answer = await send(request.clone());
    if (answer.status !== 401 && answer.status !== 403) return answer;
    const refusal = await failure(answer.clone());
    const { code } = refusal;
    if (answer.status === 403) {
      if (code === "insufficient_user_authentication" && stepUp) {
        return steps !== stepsBefore || (await stepped(refusal)) ? send(request) : answer;
      }
      if (code !== "csrf_failed" || transport !== "cookie") return answer;
      csrf = null;
      return send(request);
    }
    // An access cookie that ran out is not sent at all, so with `cookie` a project's view may say anything in its 401.
    if (state.status !== "signed-in" || (code !== "token_not_valid" && transport !== "cookie")) return answer;
    return used !== serial || (await refresh()) ? send(request) : answer;
  }

  const stepped = (refusal) => (stepping ??= ask(refusal).finally(() => (stepping = null)));
  const ask = async (refusal) => stepUp(refusal); // a hook that throws rejects

  async function request(method, path, body) {
    const how = { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    await ready();
    return limited(async (signal) => {
      try {
        const answer = await authorizedFetch(new URL(path, base), { ...how, signal });
        if (answer.ok) return await answer.json();
        throw await failure(answer);
      } catch (error) {
        throw error instanceof AuthError ? error : unreachable(error);
      }
    });
  }

  // --- in and out

  async function signIn(path, body) {
    await leaving?.catch(() => {}); // or that sign-out would meet the new cookie
    return exclusively(async () => {
      await welcome(await call("POST", path, { body: { ...body, transport } }));
      return state;
    });
  }

  // The same login, with the next pair of tokens, or a session with a new id, which is no answer to hold.
  async function reauthenticate(credentials) {
    await ready();
    return exclusively(async () => {
      const answer = await call("POST", "reauth/", { body: credentials, bearer: access, proven: true });
      if (answer.expires_in) await welcome(answer);
      steps += 1;
      return state;
    });
  }

  // The page and the other tabs are signed out at once, whatever the server answers. Rejects if the server could not be
  // told: its login goes on then, and the next call tries once more to end it.
  const logout = () => (leaving ??= leave().finally(() => (leaving = null)));

  async function leave() {
    const token = access ?? owed;
    forget();
    crossed = false;
    owed = token;
    await end(token);
    owed = null;
    if (crossed) forget();
  }

  async function end(token) {
    if (token) {
      try {
        return await call("POST", "logout/", { bearer: token });
      } catch (error) {
        if (error.status !== 401) throw error; // else the token names no login; the cookie may
      }
    }
    if (!shared) return;
    try {
      await call("POST", "token/revoke/", { body: {} });
    } catch (error) {
      if (!withoutCookie(error)) throw error;
      await call("POST", "logout/");
    }
  }

  async function logoutAll({ keepCurrent = false } = {}) {
    const { ended } = await request("POST", "logout/all/", { keep_current: keepCurrent });
    if (!keepCurrent) forget();
    return ended;
  }

  async function me() {
    await restore();
    const asked = state;
    const known = await request("GET", "me/");
    // Unless somebody else signed in meanwhile; and if we are signed out, a session spoke, which isn't ours.
    const same = state === asked || state.user === null;
    if (same && state.status === "signed-in") become("signed-in", known.user);
    return known;
  }

  // --- providers: authorization code with PKCE (RFC 7636), state and issuer checked (RFC 9207)

  async function plan(provider, redirectUri, prefix) {
    if (!crypto.subtle) throw new AuthError("insecure_context", "This needs TLS, or localhost.");
    const [verifier, state] = [random(), prefix + random()];
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const url = new URL(`../social/authorize/${encodeURIComponent(provider)}/`, base);
    const challenge = { code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: "S256" };
    url.search = new URLSearchParams({ redirect_uri: redirectUri, state, ...challenge });
    return { url: url.href, verifier, state, redirectUri };
  }

  function finish(trip, answer) {
    if (answer.state !== trip.state) throw new AuthError("invalid_state", "This sign-in was not begun here.");
    if (answer.iss !== expectedIssuer) throw new AuthError("invalid_issuer", "Somebody else answered.");
    const { error, error_description: reason } = answer; // the reason is one of the server's own words
    if (error && reason === "cancelled") throw new AuthError("cancelled", "The sign-in was cancelled.");
    if (error) throw new AuthError(error, "The sign-in failed.", { reason });
    if (!answer.code) throw new AuthError("invalid_response", "The sign-in failed.");
    return signIn("social/exchange/", {
      code: answer.code,
      code_verifier: trip.verifier,
      redirect_uri: trip.redirectUri,
    });
  }

  async function loginWithRedirect(provider, { redirectUri = here(), returnTo = location.href } = {}) {
    const { url, ...trip } = await plan(provider, redirectUri, "");
    sessionStorage.setItem(PENDING, JSON.stringify({ ...trip, returnTo: ownPath(returnTo) }));
    location.assign(url);
  }

  async function handleRedirect() {
    const answer = takeAnswer();
    if (!answer) return { kind: "none" };
    if (answer.state.startsWith(POPUP)) {
      handOver(answer);
      return { kind: "popup" };
    }
    const { returnTo, ...trip } = takeNote();
    await finish(trip, answer);
    return { kind: "signed-in", returnTo: ownPath(returnTo) };
  }

  async function loginWithPopup(provider, { redirectUri = here(), signal } = {}) {
    if (new URL(redirectUri).origin !== location.origin) throw new TypeError("a popup ends on the page's own origin");
    // Before anything that takes time: browsers open a window only while they handle the click.
    const popup = open("", "_blank", "popup,width=480,height=640");
    if (!popup) throw new AuthError("popup_blocked", "The browser did not open a window.");
    try {
      const trip = await plan(provider, redirectUri, POPUP);
      const answered = answerOf(popup, trip.state, signal);
      popup.location?.replace(trip.url); // none if it was closed already
      return await finish(trip, await answered);
    } finally {
      popup.close();
    }
  }

  return Object.freeze({
    get state() {
      return state;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    login: (credentials) => signIn("token/", credentials),
    fetch: authorizedFetch,
    reauthenticate,
    restore, logout, logoutAll, me, loginWithRedirect, handleRedirect, loginWithPopup,
  });
}

const isText = (value) => typeof value === "string";
const isNumber = (value) => typeof value === "number" && value >= 0; // and not NaN
const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));
const here = () => location.origin + location.pathname;
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// A path of this origin, whatever is asked for: it may go to location.assign().
function ownPath(target) {
  const url = URL.canParse(target, location.href) ? new URL(target, location.href) : location;
  // Two slashes at the beginning would name a host to whoever goes there.
  return url.origin === location.origin ? url.pathname.replace(/^\/+/, "/") + url.search + url.hash : "/";
}

// What loginWithRedirect() wrote down, once. A note that is none is dropped, and no answer fits it.
function takeNote() {
  const text = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  try {
    const { state, verifier, redirectUri, returnTo } = JSON.parse(text);
    if ([state, verifier, redirectUri].every(isText)) return { state, verifier, redirectUri, returnTo };
  } catch {
    // not JSON, or null
  }
  return {};
}

// Reads what came back with the URL and takes it out of there at once: history and Referer must not keep a code.
function takeAnswer() {
  const url = new URL(location.href);
  const answer = {};
  for (const name of ["code", "state", "iss", "error", "error_description"]) {
    if (url.searchParams.has(name)) answer[name] = url.searchParams.get(name);
  }
  if (!("state" in answer) || !("code" in answer || "error" in answer)) return null;
  for (const name of Object.keys(answer)) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
  return answer;
}

// In the popup. Not by window.opener: Django's Cross-Origin-Opener-Policy takes that away, even when a redirect has it. A
// channel reaches this origin's pages and no others, and who wants to exchange the code needs the opener's verifier.
// The window stays until the opener has confirmed: to the opener, a closed window looks like one that was given up.
function handOver(answer) {
  const channel = new BroadcastChannel(POPUP);
  const close = () => {
    channel.close();
    window.close();
  };
  channel.addEventListener("message", ({ data }) => {
    if (data?.version === VERSION && data.kind === "taken" && data.state === answer.state) close();
  });
  setTimeout(close, GOODBYE);
  channel.postMessage({ version: VERSION, kind: "answer", state: answer.state, answer });
}

// In the opener. A popup that was taken away looks closed as well, while the person is still busy in it: so it counts as
// given up only with this page in front. Looks are counted, not seconds: a page that was busy has not looked.
function answerOf(popup, state, signal) {
  const over = new AbortController();
  const channel = new BroadcastChannel(POPUP);
  const echo = new BroadcastChannel(POPUP); // a channel doesn't hear itself
  return new Promise((resolve, reject) => {
    const cancel = () => reject(new AuthError("cancelled", "The sign-in was cancelled."));
    channel.addEventListener("message", ({ data }) => {
      if (data?.version !== VERSION || data.state !== state) return;
      if (data.kind === "given-up") cancel();
      if (data.kind !== "answer" || data.answer?.state !== state) return;
      channel.postMessage({ version: VERSION, kind: "taken", state });
      resolve(data.answer);
    });
    signal?.addEventListener("abort", cancel, { signal: over.signal });
    if (signal?.aborted) cancel();
    let looks = 0;
    const timer = setInterval(() => {
      looks = popup.closed && document.hasFocus() ? looks + 1 : 0;
      // By way of the channel, behind an answer that may be on its way there.
      if (looks === LOOKS) echo.postMessage({ version: VERSION, kind: "given-up", state });
    }, 250);
    over.signal.addEventListener("abort", () => clearInterval(timer));
  }).finally(() => {
    over.abort();
    channel.close();
    echo.close();
  });
}
