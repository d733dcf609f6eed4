import { mergeConfig } from "vitest/config";
import portal from "./vite.config.ts";

export default mergeConfig(portal, {
  test: {
    environment: "happy-dom",
    environmentOptions: { happyDOM: { url: "http://localhost/tangerhuette/" } },
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
