export interface paths {
    "/api/appointments/v1/{ars}/offices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Offices
         * @description List the offices that give appointments.
         */
        get: operations["listOffices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/appointments/v1/{ars}/offices/{office}/slots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Slots
         * @description List an office's times of up to 14 days.
         */
        get: operations["listSlots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/appointments/v1/{ars}/reservations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Reservations
         * @description List one's own reservations.
         */
        get: operations["listReservations"];
        put?: never;
        /**
         * Reserve
         * @description Reserve a time. Exactly as many get one as there are places, however many ask at once.
         */
        post: operations["reserve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/appointments/v1/{ars}/reservations/{reservation_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Reservation
         * @description Return one of one's own reservations.
         */
        get: operations["getReservation"];
        put?: never;
        post?: never;
        /**
         * Release Reservation
         * @description Give a time back, so that others may have it.
         */
        delete: operations["releaseReservation"];
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
         * OfficeOut
         * @description An office that gives appointments.
         */
        OfficeOut: {
            /**
             * First Day
             * Format: date
             */
            first_day: string;
            /**
             * Last Day
             * Format: date
             */
            last_day: string;
            /** Name */
            name: string;
            /** Office */
            office: string;
            /** Place */
            place: string;
            /** Slot Minutes */
            slot_minutes: number;
        };
        /**
         * Offices
         * @description All offices of the municipality.
         */
        Offices: {
            /** Offices */
            offices: components["schemas"]["OfficeOut"][];
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
         * ReservationOut
         * @description One's own reservation.
         */
        ReservationOut: {
            /**
             * Ends At
             * Format: date-time
             */
            ends_at: string;
            /** Office */
            office: string;
            /** Office Name */
            office_name: string;
            /** Place */
            place: string;
            /** Reservation Id */
            reservation_id: string;
            /**
             * Starts At
             * Format: date-time
             */
            starts_at: string;
            /**
             * Status
             * @enum {string}
             */
            status: "reserved" | "released";
        };
        /**
         * Reservations
         * @description One's own reservations, the latest day first.
         */
        Reservations: {
            /** Reservations */
            reservations: components["schemas"]["ReservationOut"][];
        };
        /**
         * Reserve
         * @description Which time is wanted.
         */
        Reserve: {
            /** Office */
            office: string;
            /**
             * Starts At
             * Format: date-time
             */
            starts_at: string;
        };
        /**
         * SlotOut
         * @description A time and how many may still reserve it.
         */
        SlotOut: {
            /**
             * Ends At
             * Format: date-time
             */
            ends_at: string;
            /** Free */
            free: number;
            /**
             * Starts At
             * Format: date-time
             */
            starts_at: string;
        };
        /**
         * Slots
         * @description The times of some days.
         */
        Slots: {
            /** Slots */
            slots: components["schemas"]["SlotOut"][];
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
    listOffices: {
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
                    "application/json": components["schemas"]["Offices"];
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
            /** @description Was der Dienst ablehnt: 404 not-found; 409 limit-reached; 409 slot-taken; 409 too-late; 422 key-reused; 422 no-such-slot. */
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
    listSlots: {
        parameters: {
            query: {
                from: string;
                days?: number;
            };
            header?: never;
            path: {
                office: string;
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
                    "application/json": components["schemas"]["Slots"];
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
            /** @description Was der Dienst ablehnt: 404 not-found; 409 limit-reached; 409 slot-taken; 409 too-late; 422 key-reused; 422 no-such-slot. */
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
    listReservations: {
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
                    "application/json": components["schemas"]["Reservations"];
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
            /** @description Was der Dienst ablehnt: 404 not-found; 409 limit-reached; 409 slot-taken; 409 too-late; 422 key-reused; 422 no-such-slot. */
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
    reserve: {
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
                "application/json": components["schemas"]["Reserve"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReservationOut"];
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
            /** @description Was der Dienst ablehnt: 404 not-found; 409 limit-reached; 409 slot-taken; 409 too-late; 422 key-reused; 422 no-such-slot. */
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
    getReservation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                reservation_id: string;
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
                    "application/json": components["schemas"]["ReservationOut"];
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
            /** @description Was der Dienst ablehnt: 404 not-found; 409 limit-reached; 409 slot-taken; 409 too-late; 422 key-reused; 422 no-such-slot. */
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
    releaseReservation: {
        parameters: {
            query?: never;
            header: {
                /** @description Names this command; a repeat with the same key is done once only. */
                "Idempotency-Key": string;
            };
            path: {
                reservation_id: string;
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
            /** @description Was der Dienst ablehnt: 404 not-found; 409 limit-reached; 409 slot-taken; 409 too-late; 422 key-reused; 422 no-such-slot. */
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
