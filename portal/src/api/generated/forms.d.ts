export interface paths {
    "/api/forms/v1/{ars}/applications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Applications
         * @description List one's own applications, newest first.
         */
        get: operations["listApplications"];
        put?: never;
        /**
         * Create Application
         * @description Begin an application for a service.
         */
        post: operations["createApplication"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/applications/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Application
         * @description Return one of one's own applications.
         */
        get: operations["getApplication"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/applications/{id}/answers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Save Answers
         * @description Save the answers of a draft. Some may be missing; none may be unknown, of the wrong type or too long.
         */
        put: operations["saveAnswers"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/applications/{id}/attachments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Attach File
         * @description Add a file to a draft: PDF, JPEG or PNG by its content, at most 10 MiB.
         */
        post: operations["attachFile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/applications/{id}/attachments/{attachment_id}": {
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
         * Detach File
         * @description Take a file away from a draft; it is deleted.
         */
        delete: operations["detachFile"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/applications/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow Application
         * @description Follow the status: the present one at once, then each change; ends after the final one.
         */
        get: operations["followApplication"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/applications/{id}/submission": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Submit Application
         * @description Hand the application in. Everything that is missing or wrong is named at once; afterwards nothing changes it.
         */
        post: operations["submitApplication"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Services
         * @description List the online services of a municipality.
         */
        get: operations["listServices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/forms/v1/{ars}/services/{slug}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Service
         * @description Return an online service with the schema and the layout of its form.
         */
        get: operations["getService"];
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
         * ApplicationPage
         * @description Some of an account's applications, newest first.
         */
        ApplicationPage: {
            /** Applications */
            applications: components["schemas"]["ApplicationSummary"][];
            /** Next */
            next: string | null;
        };
        /**
         * ApplicationSummary
         * @description An application in a list.
         */
        ApplicationSummary: {
            /** Application Id */
            application_id: string;
            /**
             * Changed At
             * Format: date-time
             */
            changed_at: string;
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /** Reference */
            reference: string;
            /** Service */
            service: string;
            /** Status */
            status: string;
            /** Submitted At */
            submitted_at: string | null;
            /** Version */
            version: number;
        };
        /**
         * ApplicationView
         * @description An application as its owner sees it.
         */
        ApplicationView: {
            /** Answers */
            answers: {
                [key: string]: unknown;
            };
            /** Application Id */
            application_id: string;
            /** Attachments */
            attachments: components["schemas"]["AttachmentView"][];
            /**
             * Changed At
             * Format: date-time
             */
            changed_at: string;
            /**
             * Created At
             * Format: date-time
             */
            created_at: string;
            /** Reasons */
            reasons: components["schemas"]["ReasonView"][];
            /** Reference */
            reference: string;
            /** Service */
            service: string;
            /** Status */
            status: string;
            /** Submitted At */
            submitted_at: string | null;
            /** Version */
            version: number;
        };
        /**
         * AttachmentView
         * @description A file that belongs to an application.
         */
        AttachmentView: {
            /** Attachment Id */
            attachment_id: string;
            /** Field */
            field: string;
            /** Filename */
            filename: string;
            /** Media Type */
            media_type: string;
            /** Sha512 */
            sha512: string;
            /** Size */
            size: number;
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
         * NewAnswers
         * @description The answers so far; they take the place of those saved before.
         */
        NewAnswers: {
            /** Answers */
            answers: {
                [key: string]: unknown;
            };
        };
        /**
         * NewApplication
         * @description What a citizen begins.
         */
        NewApplication: {
            /** Service */
            service: string;
        };
        /**
         * NewAttachment
         * @description A file that was taken.
         */
        NewAttachment: {
            /** Attachment Id */
            attachment_id: string;
            /** Field */
            field: string;
            /** Filename */
            filename: string;
            /** Media Type */
            media_type: string;
            /** Sha512 */
            sha512: string;
            /** Size */
            size: number;
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
         * ReasonView
         * @description Why the authority refused.
         */
        ReasonView: {
            /** Place */
            place: string;
            /** Title */
            title: string;
        };
        /**
         * ServiceDetail
         * @description An online service with its form.
         */
        ServiceDetail: {
            /** Legal Basis */
            legal_basis: string;
            /** Leika Key */
            leika_key: string;
            /** Level */
            level: string;
            /**
             * Schema
             * @description JSON Schema 2020-12.
             */
            schema: {
                [key: string]: unknown;
            };
            /** Slug */
            slug: string;
            /** Summary */
            summary: string;
            /** Title */
            title: string;
            /** Ui */
            ui: {
                [key: string]: unknown;
            };
            /** Uploads */
            uploads: components["schemas"]["UploadField"][];
            /** Version */
            version: number;
        };
        /**
         * ServiceList
         * @description The online services of a municipality.
         */
        ServiceList: {
            /** Services */
            services: components["schemas"]["ServiceSummary"][];
        };
        /**
         * ServiceSummary
         * @description An online service in a list.
         */
        ServiceSummary: {
            /** Leika Key */
            leika_key: string;
            /** Level */
            level: string;
            /** Slug */
            slug: string;
            /** Summary */
            summary: string;
            /** Title */
            title: string;
            /** Version */
            version: number;
        };
        /**
         * UploadField
         * @description A file that may or must come with the application.
         */
        UploadField: {
            /** Field */
            field: string;
            /** Help */
            help: string;
            /** Max Bytes */
            max_bytes: number;
            /** Media Types */
            media_types: string[];
            /** Required */
            required: boolean;
            /** Required When */
            required_when: {
                [key: string]: unknown[];
            };
            /** Title */
            title: string;
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
    listApplications: {
        parameters: {
            query?: {
                cursor?: string | null;
                limit?: number;
            };
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
                    "application/json": components["schemas"]["ApplicationPage"];
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    createApplication: {
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
                "application/json": components["schemas"]["NewApplication"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplicationSummary"];
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    getApplication: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
                /** @description Id of the application. */
                id: string;
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
                    "application/json": components["schemas"]["ApplicationView"];
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    saveAnswers: {
        parameters: {
            query?: never;
            header: {
                /** @description Version that is changed, e.g. "3". */
                "If-Match": string;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
                /** @description Id of the application. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAnswers"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplicationView"];
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
            /** @description Das wurde inzwischen geändert. Bitte neu laden. */
            412: {
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
            /** @description Es fehlt, auf welchen Stand sich die Änderung bezieht. */
            428: {
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    attachFile: {
        parameters: {
            query: {
                /** @description Upload of the service that the file belongs to. */
                field: string;
            };
            header: {
                /** @description attachment; filename*=UTF-8''… */
                "content-disposition"?: string | null;
                /** @description Names this command; a repeat with the same key is done once only. */
                "Idempotency-Key": string;
                /** @description Version that is changed, e.g. "3". */
                "If-Match": string;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
                /** @description Id of the application. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/pdf": string;
                "image/jpeg": string;
                "image/png": string;
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewAttachment"];
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
            /** @description Das wurde inzwischen geändert. Bitte neu laden. */
            412: {
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
            /** @description Es fehlt, auf welchen Stand sich die Änderung bezieht. */
            428: {
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    detachFile: {
        parameters: {
            query?: never;
            header: {
                /** @description Version that is changed, e.g. "3". */
                "If-Match": string;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
                /** @description Id of the application. */
                id: string;
                /** @description Id of the file. */
                attachment_id: string;
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
            /** @description Das wurde inzwischen geändert. Bitte neu laden. */
            412: {
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
            /** @description Es fehlt, auf welchen Stand sich die Änderung bezieht. */
            428: {
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    followApplication: {
        parameters: {
            query?: never;
            header?: {
                "last-event-id"?: string | null;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
                /** @description Id of the application. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events named `status`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
            /** @description The final status is known already (Last-Event-ID): nothing follows. */
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    submitApplication: {
        parameters: {
            query?: never;
            header: {
                /** @description Names this command; a repeat with the same key is done once only. */
                "Idempotency-Key": string;
                /** @description Version that is changed, e.g. "3". */
                "If-Match": string;
            };
            path: {
                /** @description Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern. */
                ars: string;
                /** @description Id of the application. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplicationSummary"];
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
            /** @description Das wurde inzwischen geändert. Bitte neu laden. */
            412: {
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
            /** @description Es fehlt, auf welchen Stand sich die Änderung bezieht. */
            428: {
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    listServices: {
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
                    "application/json": components["schemas"]["ServiceList"];
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
    getService: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                slug: string;
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
                    "application/json": components["schemas"]["ServiceDetail"];
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
            /** @description Was der Dienst ablehnt: 403 level-too-low; 404 not-found; 409 already-submitted; 409 too-many-attachments; 413 file-too-large; 422 answers-faulty; 422 file-not-taken. */
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
