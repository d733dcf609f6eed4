export interface paths {
    "/api/osi-gateway/v1/{ars}/submissions/{application_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Submission
         * @description Return the evidence of an own application's submission.
         */
        get: operations["get_submission"];
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
         * Evidence
         * @description What is known of a submission.
         */
        Evidence: {
            /** Answer Jti */
            answer_jti: string | null;
            /** Answered At */
            answered_at: string | null;
            /** Application Id */
            application_id: string;
            /** Case Id */
            case_id: string | null;
            /** Destination */
            destination: string | null;
            /** Destination Id */
            destination_id: string | null;
            /** Encryption Kid */
            encryption_kid: string | null;
            /** Problems */
            problems: components["schemas"]["ProblemShown"][];
            /** Receipts */
            receipts: components["schemas"]["ReceiptShown"][];
            /** Schema Uri */
            schema_uri: string | null;
            /** Sent At */
            sent_at: string | null;
            /**
             * State
             * @enum {string}
             */
            state: "waiting" | "working" | "stuck" | "forwarded" | "accepted" | "rejected";
            /** Steps */
            steps: components["schemas"]["StepDone"][];
            /** Submission Id */
            submission_id: string | null;
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
         * ProblemShown
         * @description A reason of a rejection, as the authority wrote it.
         */
        ProblemShown: {
            /** Detail */
            detail: string;
            /** Instance */
            instance: string;
            /** Title */
            title: string;
            /** Type */
            type: string;
        };
        /**
         * ReceiptShown
         * @description A signed entry of the exchange's event log.
         */
        ReceiptShown: {
            /**
             * Issued At
             * Format: date-time
             */
            issued_at: string;
            /** Jti */
            jti: string;
            /** Kind */
            kind: string;
        };
        /**
         * StepDone
         * @description A step on the way.
         */
        StepDone: {
            /**
             * At
             * Format: date-time
             */
            at: string;
            /** Step */
            step: string;
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
    get_submission: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                application_id: string;
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
                    "application/json": components["schemas"]["Evidence"];
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
