import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { preloadPage } from './pages/preload.ts'
import './ui/theme.css'
import { applyTheme } from './ui/theme.ts'

applyTheme()
preloadPage(location.pathname)
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
