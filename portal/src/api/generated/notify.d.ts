export interface paths {
    "/api/notify/v1/{ars}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Messages
         * @description List one's own newest messages.
         */
        get: operations["listMessages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/notify/v1/{ars}/messages/{message_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Message
         * @description Return one of one's own messages with its text.
         */
        get: operations["getMessage"];
        put?: never;
        post?: never;
        delete?: never;
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
         * MessageOut
         * @description A message in the list.
         */
        MessageOut: {
            /** Ended At */
            ended_at: string | null;
            /**
             * Kind
             * @enum {string}
             */
            kind: "verification" | "already-registered" | "receipt-accepted" | "receipt-rejected" | "reservation" | "release";
            /**
             * Made At
             * Format: date-time
             */
            made_at: string;
            /** Message Id */
            message_id: string;
            /**
             * Status
             * @enum {string}
             */
            status: "pending" | "sent" | "failed" | "dropped";
            /** Subject */
            subject: string;
        };
        /**
         * MessageWithText
         * @description A message with its text.
         */
        MessageWithText: {
            /** Ended At */
            ended_at: string | null;
            /**
             * Kind
             * @enum {string}
             */
            kind: "verification" | "already-registered" | "receipt-accepted" | "receipt-rejected" | "reservation" | "release";
            /**
             * Made At
             * Format: date-time
             */
            made_at: string;
            /** Message Id */
            message_id: string;
            /**
             * Status
             * @enum {string}
             */
            status: "pending" | "sent" | "failed" | "dropped";
            /** Subject */
            subject: string;
            /** Text */
            text: string;
        };
        /**
         * MessagesOut
         * @description One's own messages, newest first.
         */
        MessagesOut: {
            /** Messages */
            messages: components["schemas"]["MessageOut"][];
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
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listMessages: {
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
                    "application/json": components["schemas"]["MessagesOut"];
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
            /** @description Weitere Fehler. */
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
    getMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                message_id: string;
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
                    "application/json": components["schemas"]["MessageWithText"];
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
            /** @description Weitere Fehler. */
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
