import { QueryClientProvider } from '@tanstack/react-query'
import { createBrowserRouter, createRoutesFromElements, Navigate, Outlet, Route, RouterProvider } from 'react-router'
import { queryClient, reactToFailures } from './api/query-client.ts'
import { databaseTabs } from './pages/database/database-tabs.ts'
import { DatabasesPage } from './pages/databases/page.tsx'
import { HomePage } from './pages/home.tsx'
import { settingsTabs } from './pages/settings/settings-tabs.ts'
import { noteEmptyBalance } from './shell/empty-balance.ts'
import { ErrorBoundary, RouteErrorBoundary } from './shell/error-boundary.tsx'
import { lazyPage } from './shell/lazy-page.tsx'
import { NamespaceShell } from './shell/namespace-shell.tsx'
import { NotFoundPage } from './shell/not-found.tsx'
import { toLogin } from './shell/sign-in.ts'
import { Toasts } from './ui/toast.tsx'

reactToFailures({ notSignedIn: toLogin, emptyBalance: noteEmptyBalance })

const TABS = { database: databaseTabs, settings: settingsTabs }

const WelcomePage = lazyPage(() => import('./pages/welcome/page.tsx').then(({ WelcomePage }) => WelcomePage))
const databasePages = databaseTabs.map(({ path, load }) => [path, lazyPage(load)] as const)
const settingsPages = settingsTabs.map(({ path, load }) => [path, lazyPage(load)] as const)

const Root = () => (
  <>
    <Outlet />
    <Toasts />
  </>
)

/** All pages and their paths. Created once: only a data router can block a navigation to ask about unsaved changes. */
const router = createBrowserRouter(
  createRoutesFromElements(
    <Route element={<Root />} errorElement={<RouteErrorBoundary />}>
      <Route index element={<HomePage />} />
      <Route path=":ns" element={<NamespaceShell tabs={TABS} />}>
        <Route index element={<DatabasesPage />} />
        <Route path="welcome" element={<WelcomePage />} />
        <Route path="settings">
          <Route index element={<Navigate to={settingsTabs[0].path} replace />} />
          {settingsPages.map(([path, SettingsPage]) => (
            <Route key={path} path={`${path}/*`} element={<SettingsPage />} />
          ))}
        </Route>
        <Route path=":db">
          <Route index element={<Navigate to={databaseTabs[0].path} replace />} />
          {databasePages.map(([path, DatabasePage]) => (
            <Route key={path} path={`${path}/*`} element={<DatabasePage />} />
          ))}
        </Route>
        <Route path="*" element={<NotFoundPage />} />
      </Route>
    </Route>,
  ),
)

export const App = () => (
  <ErrorBoundary>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </ErrorBoundary>
)
