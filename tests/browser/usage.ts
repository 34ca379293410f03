// What a project writes in TypeScript. A line after `@ts-expect-error` has to be refused, every other one accepted.
import { AuthError, createAuth, type Auth, type State } from "../../authkit/static/authkit/authkit.js";

interface Person {
  id: number;
  handle: string;
}

const plain = createAuth();
const auth: Auth<Person> = createAuth<Person>({ baseUrl: "https://api.example.com/auth/api/", transport: "cookie", timeout: 5000 });

function shown(state: State<Person>): string {
  if (state.status === "signed-in") return state.user?.handle ?? "somebody";
  // @ts-expect-error: nobody has a handle here
  return state.user.handle;
}

export async function use(): Promise<void> {
  const stop: () => void = auth.onChange((state) => shown(state));
  const restored = await auth.restore();
  if (restored.status === "unknown") await auth.login({ email: "a@example.com", password: "secret" });
  const answer: Response = await auth.fetch("/api/notes/", { method: "POST", body: "{}" });
  const { user, login } = await auth.me();
  const words: string[] = [user.handle, login?.kind ?? "none", String(answer.status)];
  const ended: number = await auth.logoutAll({ keepCurrent: true });
  const came = await auth.handleRedirect();
  if (came.kind === "signed-in") location.assign(came.returnTo);
  // @ts-expect-error: only after a sign-in is there somewhere to return to
  console.log(came.returnTo);
  await auth.loginWithRedirect("google", { returnTo: "/notes/" });
  const state: State<Person> = await auth.loginWithPopup("google", { signal: AbortSignal.timeout(60_000) });
  const fresh: State<Person> = await auth.reauthenticate({ password: "secret" });
  createAuth({ stepUp: async ({ code }) => code === "insufficient_user_authentication" && fresh.status === "signed-in" });
  await auth.logout().catch((error: unknown) => {
    if (error instanceof AuthError) words.push(error.code, error.reason ?? "", String(error.retryAfter ?? 0));
  });
  stop();
  console.log(words, ended, state, plain.state.user?.username);

  // @ts-expect-error: no such transport
  createAuth({ transport: "localStorage" });
  // @ts-expect-error: a number of milliseconds
  createAuth({ timeout: "5s" });
  // @ts-expect-error: whether the call is to be made once more
  createAuth({ stepUp: () => "yes" });
  // @ts-expect-error: state is read, not written
  auth.state = state;
  // @ts-expect-error: the stock user has no handle
  console.log(plain.state.user?.handle);
  // @ts-expect-error: a password is a string
  await auth.login({ username: "a", password: 1 });
}
