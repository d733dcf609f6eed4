export interface paths {
    "/api/identity/v1/jwks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Schlüssel zum Prüfen der Zugriffstoken
         * @description Return the public keys that access tokens are checked with.
         */
        get: operations["getTokenKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/account": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Eigenes Konto
         * @description Return the caller's account.
         */
        get: operations["getAccount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/account/erasure": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Eigenes Konto löschen
         * @description Show the password again and delete the account for good. All its sessions end; other services are told.
         */
        post: operations["eraseAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Konto anlegen
         * @description Ask for an account: a code comes by mail. The answer is the same whether or not the address has an account.
         */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/accounts/{account_id}/verification": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * E-Mail-Adresse mit dem Code bestätigen
         * @description Prove the address with the code. A repeat of the right code answers like the first time.
         */
        post: operations["verifyEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Landeskonto verknüpfen: beginnen
         * @description Show the password again and get the address of the Landeskonto's sign-in. Ten minutes to come back.
         */
        post: operations["beginLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/links/{link_id}/completion": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Landeskonto verknüpfen: beenden
         * @description Hand in what the Landeskonto sent back. The session gets its level and new tokens; all other sessions end.
         */
        post: operations["completeLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Eigene Sitzungen
         * @description Return the caller's sessions that stand.
         */
        get: operations["listSessions"];
        put?: never;
        /**
         * Anmelden
         * @description Open a session. A wrong password and an unknown address get the same answer in the same time.
         */
        post: operations["signIn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/sessions/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sitzung verlängern
         * @description Use a refresh token and get the next one. One that was replaced more than ten seconds ago ends the session.
         */
        post: operations["refreshSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/identity/v1/{ars}/sessions/{session_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Sitzung beenden
         * @description Sign out (``current``) or end another of one's own sessions.
         */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * BegunLink
         * @description Where the citizen signs in at the Landeskonto.
         */
        BegunLink: {
            /** Authorization Url */
            authorization_url: string;
            /**
             * Expires At
             * Format: date-time
             */
            expires_at: string;
            /** Link Id */
            link_id: string;
        };
        /**
         * Completion
         * @description What the Landeskonto added to the address that it sent the browser back to.
         */
        Completion: {
            /** Code */
            code: string;
            /** Iss */
            iss: string;
            /** State */
            state: string;
        };
        /**
         * Erasure
         * @description Fresh proof that the account is the caller's.
         */
        Erasure: {
            /** Password */
            password: string;
        };
        /**
         * FieldProblem
         * @description What is wrong at one place of a request.
         */
        FieldProblem: {
            /**
             * Detail
             * @description What is wrong there, in German.
             */
            detail: string;
            /**
             * Pointer
             * @description JSON pointer (RFC 6901) into the body; /query/… and /header/… name the rest.
             */
            pointer: string;
        };
        /**
         * KeySet
         * @description All keys in use.
         */
        KeySet: {
            /** Keys */
            keys: components["schemas"]["PublicKey"][];
        };
        /**
         * NewLink
         * @description Fresh proof that the local account is the caller's.
         */
        NewLink: {
            /** Password */
            password: string;
        };
        /**
         * OwnAccount
         * @description The caller's account.
         */
        OwnAccount: {
            /** Account Id */
            account_id: string;
            /** Email */
            email: string;
            /**
             * Level
             * @enum {string}
             */
            level: "basis" | "niedrig" | "substanziell" | "hoch";
            /** Linked */
            linked: boolean;
            /** Linked At */
            linked_at?: string | null;
        };
        /**
         * OwnSession
         * @description One of the caller's sessions.
         */
        OwnSession: {
            /** Current */
            current: boolean;
            /** Device */
            device: string;
            /**
             * Level
             * @enum {string}
             */
            level: "basis" | "niedrig" | "substanziell" | "hoch";
            /**
             * Opened At
             * Format: date-time
             */
            opened_at: string;
            /**
             * Refreshed At
             * Format: date-time
             */
            refreshed_at: string;
            /** Session Id */
            session_id: string;
        };
        /**
         * OwnSessions
         * @description The caller's sessions that stand, newest first.
         */
        OwnSessions: {
            /** Sessions */
            sessions: components["schemas"]["OwnSession"][];
        };
        /**
         * Problem
         * @description An error as every route answers it (RFC 9457).
         */
        Problem: {
            /** Detail */
            detail: string;
            /** Errors */
            errors: components["schemas"]["FieldProblem"][];
            /**
             * Instance
             * @description Path of the request.
             */
            instance: string;
            /** Status */
            status: number;
            /** Title */
            title: string;
            /**
             * Traceid
             * @description Trace of this request, for questions to the operator.
             */
            traceId: string | null;
            /**
             * Type
             * @description urn:rathaus:problem:<slug>
             */
            type: string;
        };
        /**
         * PublicKey
         * @description One key (RFC 7517).
         */
        PublicKey: {
            /** Alg */
            alg: string;
            /** Crv */
            crv: string;
            /** Kid */
            kid: string;
            /** Kty */
            kty: string;
            /** Use */
            use: string;
            /** X */
            x: string;
            /** Y */
            y: string;
        };
        /**
         * Refresh
         * @description The refresh token of a bearer; browsers send it as a cookie.
         */
        Refresh: {
            /** Refresh Token */
            refresh_token?: string | null;
        };
        /**
         * Registered
         * @description The account that waits for its code.
         */
        Registered: {
            /** Account Id */
            account_id: string;
        };
        /**
         * Registration
         * @description What somebody writes to get an account.
         */
        Registration: {
            /** Email */
            email: string;
            /**
             * Language
             * @default de
             * @enum {string}
             */
            language: "de" | "en" | "de-simple";
            /** Password */
            password: string;
        };
        /**
         * SessionAnswer
         * @description A session as its holder gets it. Tokens stand here for bearers only; browsers get them as cookies.
         */
        SessionAnswer: {
            /** Access Token */
            access_token?: string | null;
            /** Account Id */
            account_id: string;
            /** Expires In */
            expires_in: number;
            /**
             * Level
             * @enum {string}
             */
            level: "basis" | "niedrig" | "substanziell" | "hoch";
            /** Linked */
            linked: boolean;
            /** Refresh Token */
            refresh_token?: string | null;
            /** Session Id */
            session_id: string;
        };
        /**
         * SignIn
         * @description Address and password, and how the tokens shall travel.
         */
        SignIn: {
            /** Email */
            email: string;
            /** Password */
            password: string;
            /**
             * Transport
             * @enum {string}
             */
            transport: "cookie" | "bearer";
        };
        /**
         * Verification
         * @description The code out of the mail.
         */
        Verification: {
            /** Code */
            code: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getTokenKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeySet"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnAccount"];
                };
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte melden Sie sich an. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    eraseAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Erasure"];
            };
        };
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte melden Sie sich an. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das dürfen Sie nicht. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage kam nicht rechtzeitig vollständig an. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage ist zu groß. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Dieses Format wird hier nicht angenommen. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header: {
                /** @description Names this command; a repeat with the same key is done once only. */
                "Idempotency-Key": string;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Registration"];
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Registered"];
                };
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage kam nicht rechtzeitig vollständig an. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage ist zu groß. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Dieses Format wird hier nicht angenommen. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verifyEmail: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                account_id: string;
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Verification"];
            };
        };
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage kam nicht rechtzeitig vollständig an. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage ist zu groß. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Dieses Format wird hier nicht angenommen. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    beginLink: {
        parameters: {
            query?: never;
            header: {
                /** @description Names this command; a repeat with the same key is done once only. */
                "Idempotency-Key": string;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewLink"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BegunLink"];
                };
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte melden Sie sich an. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das dürfen Sie nicht. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage kam nicht rechtzeitig vollständig an. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage ist zu groß. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Dieses Format wird hier nicht angenommen. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    completeLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                link_id: string;
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Completion"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionAnswer"];
                };
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte melden Sie sich an. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das dürfen Sie nicht. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage kam nicht rechtzeitig vollständig an. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage ist zu groß. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Dieses Format wird hier nicht angenommen. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnSessions"];
                };
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte melden Sie sich an. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: {
                "user-agent"?: string;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionAnswer"];
                };
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage kam nicht rechtzeitig vollständig an. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage ist zu groß. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Dieses Format wird hier nicht angenommen. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    refreshSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: {
                "__Host-refresh"?: string | null;
            };
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Refresh"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionAnswer"];
                };
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage kam nicht rechtzeitig vollständig an. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Die Anfrage ist zu groß. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Dieses Format wird hier nicht angenommen. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                session_id: string;
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Die Anfrage ist nicht lesbar. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte melden Sie sich an. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das gibt es hier nicht. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Bitte prüfen Sie Ihre Angaben. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das hat nicht geklappt. Der Fehler liegt bei uns. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Was der Dienst ablehnt: 401 refresh-refused; 401 session-ended; 401 sign-in-refused; 409 account-inactive; 409 already-linked; 409 email-taken; 409 landeskonto-taken; 409 link-expired; 409 link-used; 422 code-expired; 422 code-wrong; 422 level-too-low; 422 link-proof-refused; 422 link-return-refused; 429 too-many-tries; 502 landeskonto-failed. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
