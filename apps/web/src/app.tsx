import type { PluginList } from "@secateur/engine";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, createApi, messageOf, type TokenStore } from "./api/client.ts";
import { type Shared, SharedContext } from "./parts/context.ts";
import { Problem, Waiting } from "./parts/small.tsx";
import { hashOf, type Route, routeOf } from "./router.ts";
import { ComparisonView } from "./views/comparison.tsx";
import { JobView } from "./views/job.tsx";
import { Jobs } from "./views/jobs.tsx";
import { NewJob } from "./views/new-job.tsx";
import { Playground } from "./views/playground.tsx";
import { ReportView } from "./views/report.tsx";
import { TokenForm } from "./views/token-form.tsx";

/** The page: its views by their addresses, once the server lets it in. */
export function App({ tokens }: { readonly tokens: TokenStore }): JSX.Element {
  const [refused, setRefused] = useState(false);
  const [shared, setShared] = useState<Shared>();
  const [problem, setProblem] = useState<string>();
  const [turn, setTurn] = useState(0);
  const api = useMemo(() => createApi(tokens, () => setRefused(true)), [tokens]);

  // Another token is another try.
  useEffect(() => {
    const gone = new AbortController();
    const { signal } = gone;
    api.json<PluginList>("/api/plugins", { signal }).then(
      (plugins) => setShared({ api, plugins }),
      (error: unknown) => {
        if (!signal.aborted && !(error instanceof ApiError && error.status === 401)) setProblem(messageOf(error));
      },
    );
    return () => gone.abort();
  }, [api, turn]);

  return (
    <>
      <Header />
      <main id="main" tabIndex={-1}>
        {refused ? (
          <TokenForm
            wrong={tokens.get() !== undefined}
            onToken={(token) => {
              tokens.set(token);
              setRefused(false);
              setTurn((before) => before + 1);
            }}
          />
        ) : shared === undefined ? (
          problem === undefined ? (
            <Waiting what="Secateur" />
          ) : (
            <Problem>{problem}</Problem>
          )
        ) : (
          <SharedContext.Provider value={shared}>
            <View />
          </SharedContext.Provider>
        )}
      </main>
    </>
  );
}

function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const change = (): void => setHash(location.hash);
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return routeOf(hash);
}

function Header(): JSX.Element {
  const { view } = useRoute();
  const link = (target: "new" | "jobs" | "playground", text: string): JSX.Element => {
    const current = view === target || (target === "jobs" && (view === "job" || view === "report" || view === "comparison"));
    return (
      <a href={hashOf({ view: target })} aria-current={current ? "page" : undefined}>
        {text}
      </a>
    );
  };
  return (
    <header>
      <a class="name" href={hashOf({ view: "new" })}>
        <img src="/icon.svg" alt="" width={20} height={20} />
        Secateur
      </a>
      <nav aria-label="main">
        {link("new", "New job")}
        {link("jobs", "Jobs")}
        {link("playground", "Playground")}
      </nav>
    </header>
  );
}

const TITLES: Readonly<Record<Route["view"], string>> = {
  new: "New job",
  jobs: "Jobs",
  job: "Job",
  report: "Report",
  comparison: "Comparison",
  playground: "Playground",
  missing: "Nothing here",
};

function View(): JSX.Element {
  const route = useRoute();
  const { view } = route;
  const shown = hashOf(route);
  const first = useRef(true);
  // Another view begins at its top, also for those who hear it.
  useEffect(() => {
    document.title = `${TITLES[view]} · Secateur`;
    if (!first.current) document.getElementById("main")?.focus();
    first.current = false;
    scrollTo(0, 0);
  }, [shown]);
  switch (route.view) {
    case "new":
      return <NewJob key={shown} from={route.from} />;
    case "jobs":
      return <Jobs />;
    case "job":
      return <JobView key={shown} id={route.job} />;
    case "report":
      return <ReportView key={shown} id={route.job} />;
    case "comparison":
      return <ComparisonView key={shown} id={route.job} />;
    case "playground":
      return <Playground key={shown} job={route.job} />;
    case "missing":
      return (
        <>
          <h1>Nothing here</h1>
          <p>
            This address leads nowhere. <a href={hashOf({ view: "jobs" })}>Jobs</a>
          </p>
        </>
      );
  }
}
