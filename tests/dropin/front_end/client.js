// The client that simplejwt's users customarily write: keep the pair, send the access token, on a 401 refresh once and
// try again, on a second one sign out. It knows nothing of authkit. Where the answer holds no token, it keeps none.

const API = "/api/token/";
const XSRF = { cookie: "csrftoken", header: "X-CSRFToken" }; // as axios is set up for any Django site

const stored = (name) => localStorage.getItem(name) ?? undefined;

function keep(tokens) {
  for (const name of ["access", "refresh"]) {
    if (tokens[name]) localStorage.setItem(name, tokens[name]);
  }
}

function drop() {
  for (const name of ["access", "refresh"]) localStorage.removeItem(name);
}

async function send(method, url, data, access) {
  const headers = { "Content-Type": "application/json" };
  if (access) headers.Authorization = `Bearer ${access}`;
  const proof = document.cookie.split("; ").find((pair) => pair.startsWith(`${XSRF.cookie}=`));
  if (proof) headers[XSRF.header] = proof.slice(XSRF.cookie.length + 1);
  const response = await fetch(url, { method, headers, body: data && JSON.stringify(data), credentials: "same-origin" });
  const text = await response.text();
  return { status: response.status, data: text ? JSON.parse(text) : null };
}

export async function login(credentials) {
  const answer = await send("POST", API, credentials);
  if (answer.status === 200) keep(answer.data);
  return answer.status;
}

export async function request(method, url, data) {
  const first = await send(method, url, data, stored("access"));
  if (first.status !== 401) return first;
  const refreshed = await send("POST", `${API}refresh/`, { refresh: stored("refresh") });
  if (refreshed.status !== 200) {
    if (refreshed.status === 401) drop();
    return first;
  }
  keep(refreshed.data);
  return send(method, url, data, stored("access"));
}

export async function logout() {
  const answer = await send("POST", `${API}blacklist/`, { refresh: stored("refresh") });
  drop();
  return answer.status;
}
