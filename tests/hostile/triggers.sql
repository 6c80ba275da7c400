-- On the user's table, written as people write them: names are found by the path that the role has.
CREATE TABLE public.audit (what text, at timestamptz DEFAULT now());
CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO audit (what) VALUES (TG_NAME); RETURN coalesce(NEW, OLD); END';
CREATE TRIGGER before_row BEFORE INSERT OR UPDATE OR DELETE ON app.articles
    FOR EACH ROW EXECUTE FUNCTION public.noted();
CREATE TRIGGER after_row AFTER INSERT OR UPDATE OR DELETE ON app.articles
    FOR EACH ROW EXECUTE FUNCTION public.noted();
CREATE TRIGGER before_all BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON app.articles
    FOR EACH STATEMENT EXECUTE FUNCTION public.noted();
CREATE TRIGGER after_all AFTER UPDATE ON app.articles REFERENCING OLD TABLE AS old NEW TABLE AS new
    FOR EACH STATEMENT EXECUTE FUNCTION public.noted();
CREATE CONSTRAINT TRIGGER deferred AFTER UPDATE ON app.articles DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.noted();

-- On ours, where the path has nothing but PostgreSQL's and the corpus: they have one of their own.
CREATE FUNCTION public.noted_of_ours() RETURNS trigger LANGUAGE plpgsql SET search_path TO public AS
    'BEGIN INSERT INTO audit (what) VALUES (TG_NAME); RETURN coalesce(NEW, OLD); END';
CREATE TRIGGER on_documents AFTER INSERT OR UPDATE OR DELETE ON corpus.documents
    FOR EACH ROW EXECUTE FUNCTION public.noted_of_ours();
CREATE TRIGGER on_chunks BEFORE INSERT OR UPDATE OR DELETE ON corpus.chunks
    FOR EACH ROW EXECUTE FUNCTION public.noted_of_ours();
CREATE TRIGGER on_all_chunks AFTER TRUNCATE ON corpus.chunks
    FOR EACH STATEMENT EXECUTE FUNCTION public.noted_of_ours();
