import { municipalities } from "./api/municipalities.ts";
import { Frame } from "./frame/frame.tsx";
import { Loaded } from "./frame/page.tsx";
import { SignedIn } from "./frame/signed-in.tsx";
import { TownProvider } from "./frame/town.ts";
import { ChooseTownPage } from "./pages/choose-town.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { ROUTES } from "./pages/routes.tsx";
import { useResource } from "./resource.ts";
import { Router, usePlace, useRoute } from "./router.tsx";
import { SessionProvider } from "./session/session.tsx";

export function Portal() {
  return (
    <Router>
      <Towns />
    </Router>
  );
}

function Towns() {
  const { path } = usePlace();
  const [list, reload] = useResource(municipalities, []);
  const slug = path.split("/")[1] ?? "";
  return (
    <Loaded resource={list} retry={reload}>
      {(towns) => {
        const town = towns.find((one) => one.slug === slug);
        if (!town) return <ChooseTownPage towns={towns} />;
        return (
          <TownProvider value={town} key={town.ars}>
            <SessionProvider ars={town.ars}>
              <Frame>
                <CurrentPage />
              </Frame>
            </SessionProvider>
          </TownProvider>
        );
      }}
    </Loaded>
  );
}

function CurrentPage() {
  const route = useRoute(ROUTES);
  const { path } = usePlace();
  if (!route) return <NotFoundPage home={`/${path.split("/")[1]}/`} />;
  const [{ page: PageOf, signedIn }, params] = route;
  const page = <PageOf {...params} key={Object.values(params).join("/")} />;
  return signedIn ? <SignedIn>{page}</SignedIn> : page;
}
