/** Opens a link. The view provides the function; without a provider nothing is opened. */
import { createContext } from "react";

export const OpenLinkContext = createContext<(url: string) => void>(() => {});
