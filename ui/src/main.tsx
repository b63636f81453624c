import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { choosePlatform } from "./platform/platform";
import { offerInspection } from "./state/inspect";
import { followTheme } from "./state/settings";
import "./styles.css";
import { App } from "./views/App";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");

followTheme();
offerInspection();
await choosePlatform();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
