/** What the page shows; each has an address of its own. */
export type Route =
  | { readonly view: "new"; readonly from?: string }
  | { readonly view: "playground"; readonly job?: string }
  | { readonly view: "jobs" | "missing" }
  | { readonly view: "job" | "report" | "comparison"; readonly job: string };

const ID = /^[\da-f-]{36}$/;

/** The route of a location's hash. */
export function routeOf(hash: string): Route {
  const [first = "", second, third, ...rest] = hash.replace(/^#?\/?/, "").split("/");
  const missing: Route = { view: "missing" };
  if (rest.length > 0) return missing;
  if (first === "" && second === undefined) return { view: "new" };
  if (first === "new" && third === undefined) {
    if (second === undefined) return { view: "new" };
    return ID.test(second) ? { view: "new", from: second } : missing;
  }
  if (first === "playground" && third === undefined) {
    if (second === undefined) return { view: "playground" };
    return ID.test(second) ? { view: "playground", job: second } : missing;
  }
  if (first !== "jobs") return missing;
  if (second === undefined) return { view: "jobs" };
  if (!ID.test(second)) return missing;
  if (third === undefined) return { view: "job", job: second };
  return third === "report" || third === "comparison" ? { view: third, job: second } : missing;
}

/** The hash of a route. */
export function hashOf(route: Route): string {
  switch (route.view) {
    case "new":
      return route.from === undefined ? "#/new" : `#/new/${route.from}`;
    case "job":
      return `#/jobs/${route.job}`;
    case "report":
    case "comparison":
      return `#/jobs/${route.job}/${route.view}`;
    case "playground":
      return route.job === undefined ? "#/playground" : `#/playground/${route.job}`;
    case "jobs":
    case "missing":
      return `#/${route.view}`;
  }
}
