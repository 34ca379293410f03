/** Types of authkit.js. docs/front-end.md says how to use it. */

/** What the stock serializer says of a person; with a serializer of your own, give its type: `createAuth<Person>()`. */
export interface User {
  id: number | string;
  username: string;
  email: string;
}

/** One sign-in: what `GET me/` says of it. */
export interface Login {
  id: string;
  kind: "session" | "token";
  /** `"password"`, or a provider's id. */
  method: string;
  device: string;
  ip: string | null;
  created_at: string;
  last_seen_at: string;
  expires_at: string;
  current: boolean;
  /** Only of a login that another person opened in this one's name: their user name, null once they are deleted. */
  impersonated_by?: string | null;
}

/**
 * How the tokens travel.
 *
 * - `cookie`: both in HttpOnly cookies; no script ever sees one.
 * - `hybrid`: the access token in memory, the refresh token in an HttpOnly cookie.
 * - `body`: both in memory, so an injected script can carry both away, a reload signs out, and each tab is a login of
 *   its own. The weakest; for an API on another site.
 */
export type Transport = "cookie" | "hybrid" | "body";

export interface Options {
  /** Where authkit's JSON endpoints are; `/auth/api/` unless given. Its origin is the only one that gets a credential. */
  baseUrl?: string;
  /** `hybrid` unless given. The server has to allow it: `TOKENS.TRANSPORTS`. */
  transport?: Transport;
  /** What `iss` has to be in a provider sign-in's answer: the server's `PUBLIC_URL`, or else the origin of `baseUrl`. */
  issuer?: string;
  /**
   * How long the module waits for each answer of `baseUrl`'s endpoints, in milliseconds; 10 000 unless given. A call that
   * takes longer fails with `unavailable`. A request of `fetch()` has no limit but its own `signal`.
   */
  timeout?: number;
  /**
   * Called by `fetch()` where the server wants a recent sign-in (`insufficient_user_authentication`). `refusal.data` has
   * `max_age` and `methods`. Ask the person, and call `reauthenticate()`. If it resolves to `true`, the call is made once
   * more; otherwise `fetch()` resolves to the refusal. Calls that are refused meanwhile wait for the same answer.
   */
  stepUp?: (refusal: AuthError) => boolean | Promise<boolean>;
}

export type State<U = User> =
  /** Nobody has asked the server yet: `restore()` does. */
  | { readonly status: "unknown"; readonly user: null }
  | { readonly status: "signed-out"; readonly user: null }
  /** `user` is null if the server could not be asked who it is; `me()` asks again. */
  | { readonly status: "signed-in"; readonly user: U | null };

export type Redirect =
  /** The URL holds no answer: an ordinary visit. */
  | { kind: "none" }
  /** Signed in. `returnTo` is a path of this origin. */
  | { kind: "signed-in"; returnTo: string }
  /** This page is the popup: it hands its answer to the page that opened it, and closes. Do nothing more. */
  | { kind: "popup" };

export interface Auth<U = User> {
  readonly state: State<U>;

  /** Calls the listener after each change of `state`, in this tab or another one. Returns what ends it. */
  onChange(listener: (state: State<U>) => void): () => void;

  /** Finds out once, by cookie, whether somebody is signed in. Rejects with `unavailable` if that can't be told. */
  restore(): Promise<State<U>>;

  /** `{ username, password }`; the name's key is the user model's `USERNAME_FIELD`. */
  login(credentials: Record<string, string>): Promise<State<U>>;

  /**
   * Signs out in all tabs at once, then has the server end the login. If it rejects, the server has not confirmed that:
   * the tabs are signed out, but the login may go on, and a reload may bring it back. Call it again.
   */
  logout(): Promise<void>;

  /** Ends all logins of this person, on all devices; resolves to how many. */
  logoutAll(options?: { keepCurrent?: boolean }): Promise<number>;

  /** Shows once more who this is, such as by `{ password }`: the same login, fresh. */
  reauthenticate(credentials: Record<string, string>): Promise<State<U>>;

  /** Who is signed in, and by which login. */
  me(): Promise<{ user: U; login: Login | null }>;

  /**
   * `fetch()` with the credential, for URLs on the origin of `baseUrl`; others are passed on untouched. A token that
   * ran out is refreshed, and the call made once more. Rejects with `unavailable` if the refresh can't be done;
   * `retryAfter` says for how many seconds no tab will try again.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /**
   * Leaves the page for the provider. `redirectUri` (this page, without its query, unless given) has to be in the
   * server's `SOCIAL.REDIRECT_URIS`, and its page calls `handleRedirect()`.
   */
  loginWithRedirect(provider: string, options?: { redirectUri?: string; returnTo?: string }): Promise<void>;

  /** To be called on the page of `redirectUri`, before all else. Rejects with `cancelled`, `invalid_state`, … */
  handleRedirect(): Promise<Redirect>;

  /** The same in a window of its own; to be called while a click is handled. A closed window rejects: `cancelled`. */
  loginWithPopup(provider: string, options?: { redirectUri?: string; signal?: AbortSignal }): Promise<State<U>>;
}

/** Whatever didn't work. */
export class AuthError extends Error {
  /**
   * The server's `code` (`no_active_account`, `token_not_valid`, `throttled`, …); `refused` if it gave none; or one of
   * ours: `unavailable` (no network, no answer in time, or a 5xx), `cancelled`, `popup_blocked`, `invalid_state`, `invalid_issuer`,
   * `invalid_response`, `insecure_context`; or an OAuth error code of a provider sign-in.
   */
  readonly code: string;
  /** Why, where the server says so: `expired`, `login_ended`, …; of a provider sign-in `signup_closed`, `inactive`, … */
  readonly reason: string | null;
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** The answer's JSON, with the messages by field where it has some. */
  readonly data: unknown;
  /** Seconds after which to try again, if the server said so. */
  readonly retryAfter: number | null;
  constructor(
    code: string,
    message: string,
    more?: { reason?: string | null; status?: number; data?: unknown; retryAfter?: number | null; cause?: unknown },
  );
}

export function createAuth<U = User>(options?: Options): Auth<U>;
